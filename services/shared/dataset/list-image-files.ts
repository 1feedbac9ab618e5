import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { classNames, type Split, splitNames } from './crop-dataset.ts'

/** An image of a labelled folder, found by its name. */
export interface ImageFile {
  readonly path: string
  /** Path below the folder that was given, with `/`: `train/NG/lot-7/a.png`. */
  readonly place: string
  readonly name: string
  /** 0 = OK, 1 = NG. */
  readonly label: number
  /** First folder below OK/ or NG/ that it lies in. */
  readonly subFolder: string | undefined
  /** Part of a given split. */
  readonly split: Split | undefined
}

/** Images of one folder with `OK/` and `NG/`, and images of kinds that are not read. */
export interface ClassFolders {
  readonly folder: string
  /** OK before NG, each in the order of its names. */
  readonly files: readonly ImageFile[]
  readonly foreign: readonly string[]
}

const readable = /\.(png|jpe?g|tiff?|webp)$/i
const foreignKinds = /\.(bmp|gif|avif|heic|heif|jp2|jxl|pgm|pnm|svg|dng|raw)$/i

/**
 * Finds the images of a labelled folder by their names, without opening them: one entry for `OK/` and `NG/`, or three for
 * `train|val|test/OK|NG`. Sub-folders of the classes are searched too; names that begin with a dot are passed over.
 * `not_found` where the folder, a part or a class is missing, `invalid_argument` where the layout is both of them.
 */
export async function listImageFiles(folder: string): Promise<readonly ClassFolders[]> {
  const present = await listFolder(folder)
  const given = splitNames.filter((name) => present.includes(name))
  if (given.length === 0) return [await listClassFolders(folder, folder)]
  const missing = splitNames.filter((name) => !given.includes(name))
  if (missing.length > 0) {
    throw new PelletlineError(
      'not_found',
      `${folder} has ${given.join('/ and ')}/ but no ${missing.join('/ and no ')}/: give all three parts, or OK/ and NG/ alone to have them split 7:2:1`,
    )
  }
  const beside = classNames.filter((name) => present.includes(name))
  if (beside.length > 0) {
    throw new PelletlineError(
      'invalid_argument',
      `${folder} has train/, val/ and test/, and ${beside.join('/ and ')}/ beside them: keep either the three parts or the classes`,
    )
  }
  const parts: ClassFolders[] = []
  for (const split of splitNames) parts.push(await listClassFolders(folder, join(folder, split), split))
  return parts
}

/** Finds the images of one folder with `OK/` and `NG/`; places count from `root`. Errors as for `listImageFiles`. */
export async function listClassFolders(root: string, folder: string, split?: Split): Promise<ClassFolders> {
  const present = await listFolder(folder)
  const missing = classNames.filter((name) => !present.includes(name))
  if (missing.length > 0) {
    const there = present.filter((name) => !name.startsWith('.')).sort()
    const some = there.slice(0, 5).join(', ') + (there.length > 5 ? ' and more' : '')
    throw new PelletlineError(
      'not_found',
      `${folder} has no folder ${missing.join(' and no folder ')}: put good pellets into OK/ and bad ones into NG/` +
        (there.length > 0 ? ` (it has: ${some})` : ' (it is empty)'),
    )
  }
  const files: ImageFile[] = []
  const foreign: string[] = []
  for (const [label, className] of classNames.entries()) {
    const classFolder = join(folder, className)
    for (const path of await listDeep(classFolder)) {
      const parts = relative(classFolder, path).split(sep)
      if (parts.some((part) => part.startsWith('.'))) continue
      const name = parts.at(-1)!
      if (foreignKinds.test(name)) foreign.push(path)
      if (!readable.test(name)) continue
      const place = relative(root, path).split(sep).join('/')
      files.push({ path, place, name, label, split, subFolder: parts.length > 1 ? parts[0] : undefined })
    }
  }
  return { folder, files, foreign }
}

/** Names in a folder; `not_found` where it cannot be listed. */
export async function listFolder(folder: string): Promise<string[]> {
  return readdir(folder).catch((cause) => refuseFolder(folder, cause))
}

function refuseFolder(folder: string, cause: NodeJS.ErrnoException): never {
  const what = cause.code === 'EACCES' ? 'check who may read it and what is in it' : 'check the path'
  throw new PelletlineError('not_found', `${cause.path ?? folder} cannot be listed (${cause.code}): ${what}`, { cause })
}

/** Files below a folder, in the order of their paths. */
async function listDeep(folder: string): Promise<string[]> {
  const found = readdir(folder, { recursive: true, withFileTypes: true })
  const entries: Dirent[] = await found.catch((cause) => refuseFolder(folder, cause))
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}
