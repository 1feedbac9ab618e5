import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { giveTo, type ServerUser, serverSpawnOptions } from './server-user.ts'

/** Files of a server's directory. */
export function clusterFiles(directory: string) {
  return {
    data: join(directory, 'data'),
    /** One line, readable by the server's user and root only. */
    password: join(directory, 'password'),
    socket: join(directory, 'socket'),
  }
}

/** Name of the administrator of the server. */
export const adminUser = 'postgres'

/**
 * Makes the data of a server in `directory`, where it has none yet: UTF-8, checksums, names compared by bytes, a random
 * password for every connection. Throws `failed_precondition` where there is data of another major version.
 */
export async function createCluster(directory: string, bin: string, user: ServerUser | undefined): Promise<void> {
  const { data, password } = clusterFiles(directory)
  const version = await runProgram(join(bin, 'postgres'), ['--version'], user)
  const major = /(\d+)/.exec(version)?.[1] ?? ''
  if (existsSync(join(data, 'PG_VERSION'))) {
    const found = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim()
    if (found === major) return
    throw new PelletlineError(
      'failed_precondition',
      `${data} was written by PostgreSQL ${found}; this is PostgreSQL ${major}. Use pg_upgrade, or name another directory.`,
    )
  }
  writeFileSync(password, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
  giveTo(user, password)
  // Under a name of its own until it is whole: a process killed in between leaves nothing that looks like a database.
  const draft = `${data}.new`
  rmSync(draft, { recursive: true, force: true })
  const parameters = ['--username', adminUser, '--pwfile', password, '--auth', 'scram-sha-256']
  const format = ['--encoding', 'UTF8', '--locale', 'C', '--data-checksums', '--no-instructions', '--no-sync']
  await runProgram(join(bin, 'initdb'), ['--pgdata', draft, ...parameters, ...format], user)
  renameSync(draft, data)
}

async function runProgram(program: string, parameters: readonly string[], user: ServerUser | undefined) {
  try {
    const { stdout } = await promisify(execFile)(program, parameters, serverSpawnOptions(user))
    return stdout
  } catch (cause) {
    const output = String((cause as { stderr?: unknown }).stderr ?? '').trim()
    throw new PelletlineError(
      'failed_precondition',
      `${program} failed: ${output === '' ? String(cause) : output}. Mend that, or name another PostgreSQL by PELLETLINE_POSTGRES_BIN.`,
      { cause },
    )
  }
}
