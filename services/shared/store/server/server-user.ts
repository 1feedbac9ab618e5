import { chownSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import process from 'node:process'
import { readProgramPath } from '../../config/server-environment.ts'
import { PelletlineError } from '../../errors/pelletline-error.ts'

/** Who runs the server and owns its files. */
export interface ServerUser {
  readonly uid: number
  readonly gid: number
}

/**
 * The user to run the server as, since PostgreSQL refuses the administrator: undefined (this process's own) where it is
 * not root, and the system's user `nobody` where it is. Throws `failed_precondition` where there is no such user.
 */
export function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  const line = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))
  if (line !== null) return { uid: Number(line[1]), gid: Number(line[2]) }
  throw new PelletlineError(
    'failed_precondition',
    'PostgreSQL refuses to run as root, and this system has no user nobody to run it as. Start this program as another user.',
  )
}

/** The first directory above `path` that the user may not pass through; undefined where the way is free. */
export function findClosedDirectory(path: string, user: ServerUser): string | undefined {
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder)
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return folder
    if (folder === dirname(folder)) return undefined
  }
}

/** Gives a file or folder to the user of the server; nothing where that is this process's own. */
export function giveTo(user: ServerUser | undefined, path: string): void {
  if (user !== undefined) chownSync(path, user.uid, user.gid)
}

/** How programs of the server are started: as its user, with nothing of this process's environment but the path. */
export function serverSpawnOptions(user: ServerUser | undefined) {
  return {
    cwd: '/',
    env: { PATH: readProgramPath(), TZ: 'UTC', LC_ALL: 'C' },
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  }
}
