import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'

/** What `writeFileAtomically` calls its temporary files. */
const temporary = /\.(\d+)\.tmp$/

/**
 * Removes the temporary files that processes left in a folder when they were killed while writing: those of processes of
 * this machine that are no more. Resolves with their names; a folder that there is not has none.
 */
export async function removeLeftovers(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((reason) => {
    if ((reason as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw reason
  })
  const left = names.filter((name) => {
    const [, pid] = temporary.exec(name) ?? []
    return pid !== undefined && !isRunning(Number(pid))
  })
  for (const name of left) await rm(join(folder, name), { force: true })
  return left
}

function isRunning(pid: number): boolean {
  try {
    // Signal 0 asks and does nothing.
    process.kill(pid, 0)
    return true
  } catch (reason) {
    return (reason as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
