import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PelletlineError } from '../errors/pelletline-error.ts'

/**
 * Keeps a folder for this process: `lock` in it names the process, until the returned function is called. A lock whose
 * process is gone (killed, or of a container that was started again) is taken over. `failed_precondition` where another
 * process holds it.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lock')
  const holder = await readHolder(path)
  if (holder !== undefined) {
    if (isAlive(holder)) {
      throw new PelletlineError(
        'failed_precondition',
        `${folder} is in use by process ${holder}: wait for it, stop it, or choose another folder (if no such process works there, delete ${path})`,
      )
    }
    await rm(path, { force: true })
  }
  await writeFile(path, `${process.pid}\n`, { flag: 'wx' }).catch((cause) => {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    throw new PelletlineError(
      'failed_precondition',
      `${folder} was taken by another process just now: choose another`,
      {
        cause,
      },
    )
  })
  return () => rm(path, { force: true })
}

async function readHolder(path: string): Promise<number | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : Number.parseInt(text, 10)
}

/** Whether a process of that number runs, other than this one, which may have the number of a killed one before it. */
function isAlive(pid: number): boolean {
  if (!(pid > 0) || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (reason) {
    return (reason as NodeJS.ErrnoException).code === 'EPERM'
  }
}
