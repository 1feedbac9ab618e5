import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'

const lookEveryMs = 250
const patienceMs = 30 * 60_000

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (reason) {
    return (reason as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Makes the lock file for this process; false where another living process holds it. */
async function tryLock(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code !== 'EEXIST') throw reason
  }
  const holder = Number(await readFile(path, 'utf8').catch(() => '0'))
  // An empty file belongs to a process that is about to write its number.
  if (holder > 0 && !isAlive(holder)) await rm(path, { force: true })
  return false
}

/**
 * Does work that only one process at a time should do, such as a long build into a shared folder; the others wait for it.
 * The work must be safe all the same if two do it at once: where a holder died, two that wait may both go on. Throws
 * `deadline_exceeded` after half an hour.
 */
export async function takeTurns<T>(lockFile: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(lockFile), { recursive: true })
  for (let waitedMs = 0; !(await tryLock(lockFile)); waitedMs += lookEveryMs) {
    if (waitedMs > patienceMs) {
      throw new PelletlineError(
        'deadline_exceeded',
        `Another process has held ${lockFile} for half an hour; end it, remove the file and run the command again.`,
      )
    }
    await delay(lookEveryMs)
  }
  try {
    return await work()
  } finally {
    await rm(lockFile, { force: true })
  }
}
