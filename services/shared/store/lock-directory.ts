import { mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { type LockHolder, takeLockFile } from '../files/lock-file.ts'

function refuse(directory: string, holder: LockHolder, path: string): PelletlineError {
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
 * Takes a database's directory, made where it is not there, for this process, and answers the function that gives it back. As
 * `lockFolder`, but that a holder on another host counts as living: to take its database over would destroy it. Throws
 * `failed_precondition`, naming the directory and the pid, while another holder lives.
 */
export function lockDirectory(directory: string): () => void {
  mkdirSync(directory, { recursive: true })
  const path = join(directory, 'pelletline.lock')
  return takeLockFile({
    path,
    otherHost: 'lives',
    refuse: (holder) =>
      holder === undefined
        ? new PelletlineError(
            'failed_precondition',
            `Database directory ${directory} is being opened by several processes (this one is ${process.pid}). Start one only.`,
          )
        : refuse(directory, holder, path),
  })
}
