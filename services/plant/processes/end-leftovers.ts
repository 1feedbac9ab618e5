import { readdir, readFile, readlink, realpath } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import process from 'node:process'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { Clock } from '../../shared/service/clock.ts'

export interface EndLeftoversOptions {
  /** Folder of the configurations of this plant's processes. */
  readonly configFolder: string
  /** How long they may finish what they have in hand, ms. */
  readonly patienceMs: number
  readonly clock: Pick<Clock, 'now' | 'sleep'>
  /** A sentence for the person who watches. */
  readonly report: (text: string) => void
  /** Ends the wait: the plant is told to end. */
  readonly signal: AbortSignal
  /** Sends a signal to a process, as `process.kill` does; injected in tests. */
  readonly kill?: (pid: number, signal: NodeJS.Signals) => unknown
}

/** A service of a plant that was killed. */
interface Leftover {
  readonly pid: number
  readonly name: string
  /** Who started it, or took it over when that one died. */
  readonly parent: number
  /** It belongs to another user, who alone may look into it. */
  readonly isForeign: boolean
}

/** How a service of a plant is started, see start-process.ts: program, name, configuration. */
const program = 'service-process.ts'

/**
 * Ends the services of a plant whose own process was killed: they drain by themselves, and hold their addresses until they
 * have. They are known by their command line, which names a configuration of this folder; one that outlasts the patience is
 * killed. What runs in a container, whose folder of that name may be another one, and what belongs to another user, is left
 * alone. To be called by the process that holds the folder. Where the system has no /proc, nothing is found. Throws
 * `failed_precondition` where the plant that they belong to lives, and `deadline_exceeded` where a killed one does not go.
 */
export async function endLeftovers(options: EndLeftoversOptions): Promise<void> {
  const { patienceMs, clock, report, signal, kill = process.kill } = options
  const folder = await realpath(options.configFolder)
  const foreign = new Set<number>()
  const find = async () => {
    const found = await findLeftovers(folder)
    for (const { pid, isForeign } of found) if (isForeign) setAside(pid, found)
    return found.filter(({ pid }) => !foreign.has(pid))
  }
  const setAside = (pid: number, found: readonly Leftover[]) => {
    if (foreign.has(pid)) return
    foreign.add(pid)
    const name = found.find((leftover) => leftover.pid === pid)!.name
    report(
      `${name} (${pid}), at work in the same folder, belongs to another user, who alone can end it: it is left alone`,
    )
  }
  const send = (name: NodeJS.Signals) => {
    for (const { pid } of left) {
      try {
        kill(pid, name)
      } catch (reason) {
        const { code } = reason as NodeJS.ErrnoException
        if (code === 'EPERM') setAside(pid, left)
        // It ended by itself meanwhile.
        else if (code !== 'ESRCH') throw reason
      }
    }
  }
  /** Waits at most the patience; whether all have gone. */
  const untilGone = async (sendAgain: () => void) => {
    const deadline = clock.now() + patienceMs
    while (left.length > 0 && clock.now() < deadline) {
      sendAgain()
      await clock.sleep(100, signal)
      left = await find()
    }
    return left.length === 0
  }
  const names = () => left.map(({ name, pid }) => `${name} (${pid})`).join(', ')

  let left = await find()
  for (const leftover of left) await refuseLiving(leftover, dirname(folder))
  if (left.length === 0) return
  report(`waiting for what an earlier plant left at work: ${names()}`)
  // They were told by the end of their plant; one that was about to start had nobody to hear it from.
  send('SIGTERM')
  if (await untilGone(() => undefined)) return
  report(`killing what did not drain within ${patienceMs / 1000} s: ${names()}`)
  if (await untilGone(() => send('SIGKILL'))) return
  throw new PelletlineError(
    'deadline_exceeded',
    `${names()} of an earlier plant did not end within ${patienceMs / 1000} s although killed, so the system holds it, as it does while a disk does not answer: see to that, or choose another folder.`,
  )
}

async function findLeftovers(folder: string): Promise<readonly Leftover[]> {
  const entries = await readdir('/proc').catch(() => [])
  const pids = entries.filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(pids.map((pid) => readLeftover(pid, folder)))
  return found.filter((leftover) => leftover !== undefined)
}

/** The process, where it is a service whose configuration lies in the folder; a process that has ended has no command line. */
async function readLeftover(pid: number, folder: string): Promise<Leftover | undefined> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  const [, file = '', name = '', config = ''] = line.split('\0')
  if (basename(file) !== program || basename(config) !== `${name}.json`) return undefined
  const found = await realpath(dirname(config)).catch(() => undefined)
  if (found !== folder) return undefined
  const where = await readWhere(pid)
  if (where === 'elsewhere') return undefined
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The name of the program, in parentheses, may hold anything; state and parent follow it.
  const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { pid, name, parent: Number(parent), isForeign: where === 'foreign' }
}

/** Whether a process sees the same files and processes as this one; `elsewhere` as well for one that has ended. */
async function readWhere(pid: number): Promise<'here' | 'elsewhere' | 'foreign'> {
  try {
    for (const namespace of ['mnt', 'pid']) {
      const [its, own] = await Promise.all([pid, 'self'].map((one) => readlink(`/proc/${one}/ns/${namespace}`)))
      if (its !== own) return 'elsewhere'
    }
    return 'here'
  } catch (reason) {
    const { code } = reason as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'EPERM') return 'foreign'
    if (code === 'ENOENT' || code === 'ESRCH') return 'elsewhere'
    throw reason
  }
}

/**
 * Throws `failed_precondition` where the plant of a service lives, whose lock was taken for that of a dead one (the computer has
 * another name since, or somebody deleted it). It started the service with the program that it runs itself; a service whose
 * plant is dead has the first process for its parent, or another that takes orphans over.
 */
async function refuseLiving({ pid, name, parent }: Leftover, folder: string): Promise<void> {
  if (parent === 1 || parent === process.pid) return
  const [its, own] = await Promise.all([parent, pid].map((one) => readlink(`/proc/${one}/exe`).catch(() => undefined)))
  if (its === undefined || its !== own) return
  throw new PelletlineError(
    'failed_precondition',
    `${folder} is in use by process ${parent}, whose ${name} (${pid}) is at work: wait for it, stop it, or choose another folder.`,
  )
}
