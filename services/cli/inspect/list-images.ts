import { readdir, stat } from 'node:fs/promises'
import { basename, extname, join, relative } from 'node:path'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'

const imageEndings = new Set(['.png', '.jpg', '.jpeg', '.tif', '.tiff', '.webp'])
/** Pictures that `inspect --out` and `explain --out` wrote; a folder that holds them is not looked at twice. */
const ownPictures = /(\.(annotated\.(png|jpg)|(worst|heat)\.png)|^heatmaps\.png)$/
/** Crops that `inspect --crops` wrote: images to be explained, and none to be inspected. */
const ownCrops = /\.\d+\.crop\.png$/

/** An image to process. */
export interface ListedImage {
  readonly path: string
  /** Its path within the folder that was given, or the name of the file that was given. */
  readonly name: string
}

/** The images behind the arguments of a command, and what was wrong with some of the arguments. */
export interface ImageList {
  readonly files: readonly ListedImage[]
  readonly errors: readonly PelletlineError[]
  readonly passedOver: PassedOver
}

/** Files in folders that are passed over. */
export interface PassedOver {
  /** Since their name is not that of an image. */
  readonly others: number
  /** Since `inspect` or `explain` wrote them: crops and pictures. */
  readonly own: number
}

export interface ListImagesOptions {
  /** Whether crops that `inspect --crops` wrote are passed over in folders; default false. */
  readonly passOverCrops?: boolean
}

/**
 * Lists images: a file stands for itself whatever its name, a folder for the images in it and in its folders, in natural
 * order (scan2 before scan10). Hidden folders and files are left out. A path that is not there is an error beside the
 * list, so that the others are still processed.
 */
export async function listImages(paths: readonly string[], options: ListImagesOptions = {}): Promise<ImageList> {
  const passes = (name: string) => ownPictures.test(name) || (options.passOverCrops === true && ownCrops.test(name))
  const files = new Map<string, ListedImage>()
  const errors: PelletlineError[] = []
  const passedOver = { others: 0, own: 0 }
  for (const path of paths) {
    const found = await stat(path).catch((cause: NodeJS.ErrnoException) => cause)
    if (found instanceof Error) {
      const missing = found.code === 'ENOENT' || found.code === 'ENOTDIR'
      const what = missing ? 'there is no such file or folder' : `it cannot be read (${found.message})`
      errors.push(new PelletlineError(missing ? 'not_found' : 'invalid_argument', `${path}: ${what}; check the path.`))
    } else if (found.isDirectory()) {
      const before = files.size
      const failed = errors.length
      const over = { others: 0, own: 0 }
      await walkFolder({ root: path, files, errors, passes, over }, path)
      passedOver.others += over.others
      passedOver.own += over.own
      if (files.size === before && errors.length === failed) {
        const none = over.own === 0 ? 'no image' : 'no image but crops and pictures that pelletline wrote'
        const text = `${path}: the folder holds ${none}; give one with PNG, JPEG, TIFF or WebP files.`
        errors.push(new PelletlineError('not_found', text))
      }
    } else {
      files.set(path, { path, name: basename(path) })
    }
  }
  return { files: [...files.values()], errors, passedOver }
}

/** A walk through a folder that was given, and what it has found so far. */
interface Walk {
  readonly root: string
  readonly files: Map<string, ListedImage>
  readonly errors: PelletlineError[]
  /** Whether a file is one that this program wrote. */
  readonly passes: (name: string) => boolean
  readonly over: { others: number; own: number }
}

async function walkFolder(walk: Walk, folder: string): Promise<void> {
  const { root, files, errors, passes, over } = walk
  const order = new Intl.Collator('en', { numeric: true })
  const listed = await readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => cause)
  if (listed instanceof Error) {
    const message = `${folder}: the folder cannot be read (${listed.message}); check its permissions.`
    errors.push(new PelletlineError('invalid_argument', message, { cause: listed }))
    return
  }
  const entries = listed
    .filter((entry) => !entry.name.startsWith('.'))
    .sort((a, b) => order.compare(a.name, b.name) || (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await walkFolder(walk, path)
    else if (!imageEndings.has(extname(entry.name).toLowerCase())) over.others++
    else if (passes(entry.name)) over.own++
    else files.set(path, { path, name: relative(root, path) })
  }
}

/** Gives each image a name of its own for what is written about it: its stem, with a number where two would be the same. */
export function nameOutputs(files: readonly ListedImage[]): readonly string[] {
  const taken = new Set<string>()
  return files.map(({ path }) => {
    const stem = basename(path, extname(path))
    let name = stem
    for (let number = 2; taken.has(name.toLowerCase()); number++) name = `${stem}-${number}`
    taken.add(name.toLowerCase())
    return name
  })
}
