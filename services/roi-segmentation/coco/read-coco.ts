import { readFile } from 'node:fs/promises'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'

/** Polygons of one annotated object: [x0, y0, x1, y1, ...] per ring, px. */
export type AnnotatedObject = readonly (readonly number[])[]

/** One image of a COCO file with its objects. */
export interface AnnotatedImage {
  readonly fileName: string
  readonly width: number
  readonly height: number
  readonly objects: readonly AnnotatedObject[]
}

/**
 * Reads a COCO file of polygon annotations, images in the file's order. Crowds (iscrowd 1) are left out: they are no
 * single objects. Throws `not_found` where there is no file, `invalid_argument` where it is not JSON, not COCO, or has an
 * annotation without a polygon (run-length masks are not read); the message names the file and the annotation.
 */
export async function readCoco(path: string, signal?: AbortSignal): Promise<readonly AnnotatedImage[]> {
  const text = await readFile(path, { encoding: 'utf8', signal }).catch((cause: unknown) => {
    if (signal?.aborted) throw signal.reason
    throw new PelletlineError('not_found', `${path}: cannot be read; give the path of a COCO annotation file`, {
      cause,
    })
  })
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new PelletlineError('invalid_argument', `${path}: is not JSON; give a COCO annotation file`, { cause })
  }
  const file = record(parsed, path, 'the file')
  const images = new Map<unknown, { fileName: string; width: number; height: number; objects: AnnotatedObject[] }>()
  for (const [i, value] of list(file.images, path, 'images').entries()) {
    const image = record(value, path, `images[${i}]`)
    const { file_name: fileName, width, height } = image
    if (typeof fileName !== 'string' || typeof width !== 'number' || typeof height !== 'number') {
      throw broken(path, `images[${i}] lacks file_name, width or height`)
    }
    images.set(image.id, { fileName, width, height, objects: [] })
  }
  for (const [i, value] of list(file.annotations, path, 'annotations').entries()) {
    const annotation = record(value, path, `annotations[${i}]`)
    if (annotation.iscrowd === 1) continue
    const image = images.get(annotation.image_id)
    if (image === undefined)
      throw broken(path, `annotations[${i}] has image_id ${annotation.image_id}, which no image has`)
    image.objects.push(polygons(annotation.segmentation, path, `annotations[${i}].segmentation`))
  }
  return [...images.values()]
}

/** The fields that are read, of whatever record; all unchecked. */
interface CocoRecord {
  readonly images?: unknown
  readonly annotations?: unknown
  readonly id?: unknown
  readonly image_id?: unknown
  readonly iscrowd?: unknown
  readonly segmentation?: unknown
  readonly file_name?: unknown
  readonly width?: unknown
  readonly height?: unknown
}

function polygons(value: unknown, path: string, where: string): AnnotatedObject {
  const rings = list(value, path, where)
  for (const ring of rings) {
    const valid = Array.isArray(ring) && ring.length >= 6 && ring.length % 2 === 0 && ring.every(Number.isFinite)
    if (!valid) throw broken(path, `${where} is not a list of polygons with at least three points`)
  }
  if (rings.length === 0) throw broken(path, `${where} is empty`)
  return rings as number[][]
}

function record(value: unknown, path: string, where: string): CocoRecord {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as CocoRecord
  throw broken(path, `${where} is not an object`)
}

function list(value: unknown, path: string, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw broken(path, `${where} is not a list`)
}

function broken(path: string, what: string): PelletlineError {
  return new PelletlineError('invalid_argument', `${path}: ${what}; give a COCO file with polygon annotations`)
}
