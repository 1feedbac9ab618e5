import { randomUUID } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import process from 'node:process'
import type { PelletlineError } from '../errors/pelletline-error.ts'

/** Who holds a lock. */
export interface LockHolder {
  readonly pid: number
  readonly host: string
  /** When the process began, in the kernel's terms; tells a process from a later one with the same pid. Empty: not known. */
  readonly began: string
}

export interface LockFileOptions {
  /** The lock; its folder must be there. */
  readonly path: string
  /**
   * What becomes of the lock of a process on another host, which cannot be looked at. A container that is made anew is another
   * host.
   */
  readonly otherHost: 'lives' | 'isGone'
  /** The error for a holder that lives; undefined: several processes are taking the lock in this moment. */
  readonly refuse: (holder: LockHolder | undefined) => PelletlineError
}

/**
 * Takes a lock file for this process, which it names with host and start, and answers the function that gives it back. The lock of a
 * process that has died is taken over. Throws what `refuse` gives while another holder lives, this process included.
 */
export function takeLockFile(options: LockFileOptions): () => void {
  const { path, refuse } = options
  const own: LockHolder = { pid: process.pid, host: hostname(), began: readProcessStart(process.pid) }
  const draft = `${path}.${randomUUID()}`
  writeFileSync(draft, JSON.stringify(own))
  try {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      try {
        place(draft, path)
        return () => rmSync(path, { force: true })
      } catch (reason) {
        if ((reason as NodeJS.ErrnoException).code !== 'EEXIST') throw reason
      }
      takeOver(options)
    }
  } finally {
    rmSync(draft, { force: true })
  }
  throw refuse(undefined)
}

/** File systems without hard links (exFAT, some network and FUSE mounts) answer one of these. */
const withoutLinks: readonly (string | undefined)[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

/** Makes the draft the lock; throws `EEXIST` where there is one. */
function place(draft: string, path: string): void {
  try {
    // A link appears whole or not at all, so no reader ever sees an empty lock of a living process.
    linkSync(draft, path)
  } catch (reason) {
    if (!withoutLinks.includes((reason as NodeJS.ErrnoException).code)) throw reason
    writeFileSync(path, readFileSync(draft), { flag: 'wx' })
  }
}

/** Removes the lock of a dead holder; throws where the holder lives. */
function takeOver({ path, otherHost, refuse }: LockFileOptions) {
  const aside = `${path}.${randomUUID()}`
  let seen: string
  try {
    seen = readFileSync(path, 'utf8')
    const holder = parseHolder(seen)
    if (holder !== undefined && isAlive(holder, otherHost)) throw refuse(holder)
    renameSync(path, aside)
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === 'ENOENT') return
    throw reason
  }
  try {
    // Between reading and renaming, a third process may have taken the lock: give it its own back.
    if (readFileSync(aside, 'utf8') !== seen) place(aside, path)
  } finally {
    rmSync(aside, { force: true })
  }
}

function isAlive(holder: LockHolder, otherHost: LockFileOptions['otherHost']): boolean {
  if (holder.host !== hostname()) return otherHost === 'lives'
  try {
    process.kill(holder.pid, 0)
  } catch (reason) {
    return (reason as NodeJS.ErrnoException).code === 'EPERM'
  }
  return holder.began === '' || holder.began === readProcessStart(holder.pid)
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    const found = JSON.parse(text) as number | Partial<LockHolder>
    // Folders of before had the bare number. This process may have that of a killed one before it.
    if (typeof found === 'number') {
      return found > 0 && found !== process.pid ? { pid: found, host: hostname(), began: '' } : undefined
    }
    const { pid, host, began } = found
    if (typeof pid === 'number' && typeof host === 'string' && typeof began === 'string') return { pid, host, began }
  } catch {
    // A half-written lock belongs to a process that died while writing it: no holder.
  }
  return undefined
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
