import { randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { PelletlineError } from '../errors/pelletline-error.ts'

const lockName = 'pelletline.lock'

interface Holder {
  readonly pid: number
  readonly host: string
  /** When the process began, in the kernel's terms; tells a process from a later one with the same pid. */
  readonly began: string
}

/** Start of a process in clock ticks since boot and the boot's id (proc(5)); empty where the system has no /proc. */
function readProcessStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie holds no file any more; it only waits for its parent to ask how it ended.
    const ticks = fields[0] === 'Z' ? 'ended' : (fields[19] ?? '')
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${ticks}`
  } catch {
    return ''
  }
}

function isAlive(holder: Holder): boolean {
  // A holder on another host cannot be looked at; taking its database over would destroy it.
  if (holder.host !== hostname()) return true
  try {
    process.kill(holder.pid, 0)
  } catch (reason) {
    return (reason as NodeJS.ErrnoException).code === 'EPERM'
  }
  return holder.began === '' || holder.began === readProcessStart(holder.pid)
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, host, began } = JSON.parse(text) as Partial<Holder>
    if (typeof pid === 'number' && typeof host === 'string' && typeof began === 'string') return { pid, host, began }
  } catch {
    // A half-written lock belongs to a process that died while writing it: no holder.
  }
  return undefined
}

function refuse(directory: string, holder: Holder, path: string): PelletlineError {
  const own = hostname()
  const place = holder.host === own ? '' : ` on host ${holder.host}`
  const step =
    holder.host === own
      ? 'Stop that process, or give this one a directory of its own.'
      : `If that process has ended, remove ${path}.`
  return new PelletlineError(
    'failed_precondition',
    `Database directory ${directory} is in use by process ${holder.pid}${place}. ${step}`,
  )
}

/**
 * Takes the directory for this process by a lock file that names pid, host and start of the process, and answers the
 * function that gives it back. The lock of a process that has died is taken over. Throws `failed_precondition`, naming
 * the directory and the pid, while another holder lives.
 */
export function lockDirectory(directory: string): () => void {
  mkdirSync(directory, { recursive: true })
  const path = join(directory, lockName)
  const own: Holder = { pid: process.pid, host: hostname(), began: readProcessStart(process.pid) }
  const draft = join(directory, `${lockName}.${randomUUID()}`)
  writeFileSync(draft, JSON.stringify(own))
  try {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      try {
        // A link appears whole or not at all, so no reader ever sees an empty lock of a living process.
        linkSync(draft, path)
        return () => rmSync(path, { force: true })
      } catch (reason) {
        if ((reason as NodeJS.ErrnoException).code !== 'EEXIST') throw reason
      }
      takeOver(directory, path)
    }
  } finally {
    rmSync(draft, { force: true })
  }
  throw new PelletlineError(
    'failed_precondition',
    `Database directory ${directory} is being opened by several processes (this one is ${process.pid}). Start one only.`,
  )
}

/** Removes the lock of a dead holder; throws where the holder lives. */
function takeOver(directory: string, path: string) {
  const aside = `${path}.${randomUUID()}`
  let seen: string
  try {
    seen = readFileSync(path, 'utf8')
    const holder = parseHolder(seen)
    if (holder !== undefined && isAlive(holder)) throw refuse(directory, holder, path)
    renameSync(path, aside)
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === 'ENOENT') return
    throw reason
  }
  try {
    // Between reading and renaming, a third process may have taken the directory: give it its lock back.
    if (readFileSync(aside, 'utf8') !== seen) linkSync(aside, path)
  } finally {
    rmSync(aside, { force: true })
  }
}
