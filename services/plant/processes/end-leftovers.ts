import { readdir, readFile, realpath } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import process from 'node:process'
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
}

/** A service of a plant that was killed. */
interface Leftover {
  readonly pid: number
  readonly name: string
}

/** How a service of a plant is started, see start-process.ts: program, name, configuration. */
const program = 'service-process.ts'

/**
 * Ends the services of a plant whose own process was killed: they drain by themselves, and hold their addresses until they
 * have. They are known by their command line, which names a configuration of this folder; one that outlasts the patience is
 * killed. To be called by the process that holds the folder. Where the system has no /proc, nothing is found.
 */
export async function endLeftovers(options: EndLeftoversOptions): Promise<void> {
  const { patienceMs, clock, report, signal } = options
  const folder = await realpath(options.configFolder)
  let left = await findLeftovers(folder)
  if (left.length === 0) return
  const names = () => left.map(({ name, pid }) => `${name} (${pid})`).join(', ')
  report(`waiting for what an earlier plant left at work: ${names()}`)
  // They were told by the end of their plant; one that was about to start had nobody to hear it from.
  for (const { pid } of left) send(pid, 'SIGTERM')
  const deadline = clock.now() + patienceMs
  while (left.length > 0 && clock.now() < deadline) {
    await clock.sleep(100, signal)
    left = await findLeftovers(folder)
  }
  if (left.length === 0) return
  report(`killing what did not drain within ${patienceMs / 1000} s: ${names()}`)
  while (left.length > 0) {
    for (const { pid } of left) send(pid, 'SIGKILL')
    await clock.sleep(100, signal)
    left = await findLeftovers(folder)
  }
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
  return found === folder ? { pid, name } : undefined
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (reason) {
    // It ended by itself meanwhile.
    if ((reason as NodeJS.ErrnoException).code !== 'ESRCH') throw reason
  }
}
