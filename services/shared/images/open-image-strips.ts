import { access, constants, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { PelletlineError } from '../errors/pelletline-error.ts'

/** A rectangle of an image in pixels: columns [x, x + width), rows [y, y + height). */
export interface ImageRegion {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface ImageStripsOptions {
  /** Rows of a strip, at least 1; the last one may have fewer. */
  readonly rowsPerStrip: number
  /** Only this rectangle is read, in the image's coordinates after its orientation was applied; default: all. */
  readonly roi?: ImageRegion | undefined
  readonly signal?: AbortSignal | undefined
}

/** Consecutive rows of an image: `width * rows` gray bytes, row-major; `firstRow` counts from the region's top. */
export interface ImageStrip {
  readonly pixels: Uint8Array
  readonly width: number
  readonly rows: number
  readonly firstRow: number
}

/** An image that can be read from top to bottom, more than once. */
export interface ImageStrips {
  /** Size of the region that is read, px. */
  readonly width: number
  readonly height: number
  /** Where the region lies in the image. */
  readonly x: number
  readonly y: number
  /** Size of the whole image after its orientation was applied, px. */
  readonly imageWidth: number
  readonly imageHeight: number
  /** Reads all strips in order; every call begins at the top again. */
  strips(): AsyncIterable<ImageStrip>
  /** Removes what was spooled. */
  close(): Promise<void>
}

/** Largest image, pixels: a scan 8,192 wide and 262,144 rows high. A few bytes can claim any size. */
const maxPixels = 2 ** 31

/** What sharp could decode beside these (SVG, GIF, ...) is no picture of a camera, and an SVG is a program. */
const formats: ReadonlySet<string> = new Set(['png', 'jpeg', 'tiff', 'webp'])

/** Up to this many pixels an image is decoded into memory at once; larger ones are spooled to a file of libvips' own format. */
const pixelsInMemory = 24_000_000

/**
 * Opens a PNG, JPEG, TIFF or WebP image, 8 or 16 bit (the upper 8 bits of 16 are kept), gray or colour (luminance), as gray
 * strips. The EXIF orientation is applied first, so rows and columns are those a viewer shows; alpha is laid over black.
 * A large image is decoded once, as a stream, into a temporary `.v` file that libvips maps into memory, since a raw
 * stream of it would be handed over in one piece; memory then follows the strip and not the image.
 *
 * Throws `not_found` where there is no file; `invalid_argument` where it is empty, not an image, truncated, or where the
 * region reaches outside. Every message names the path.
 */
export async function openImageStrips(path: string, options: ImageStripsOptions): Promise<ImageStrips> {
  const { rowsPerStrip, signal } = options
  if (!Number.isInteger(rowsPerStrip) || rowsPerStrip < 1) {
    throw new PelletlineError('invalid_argument', `rowsPerStrip is ${rowsPerStrip}; valid are whole numbers from 1`)
  }
  signal?.throwIfAborted()
  await checkFile(path)
  const size = await readImageSize(path)
  if (size.width * size.height > maxPixels) {
    throw new PelletlineError(
      'invalid_argument',
      `${path}: claims ${size.width} x ${size.height} px, the limit is ${maxPixels} px in all; cut the image into pieces`,
    )
  }
  const roi = options.roi ?? { x: 0, y: 0, width: size.width, height: size.height }
  checkRegion(path, roi, size)
  const place = { ...roi, imageWidth: size.width, imageHeight: size.height }

  if (size.width * size.height <= pixelsInMemory) {
    const gray = await decodeAll(path, roi)
    signal?.throwIfAborted()
    return {
      ...place,
      strips: () => stripsOfMemory(gray, roi, rowsPerStrip, signal),
      close: () => Promise.resolve(),
    }
  }
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-image-'))
  const close = () => rm(folder, { recursive: true, force: true })
  const spool = join(folder, 'gray.v')
  try {
    await graySource(path).toFile(spool)
    signal?.throwIfAborted()
  } catch (reason) {
    await close()
    throw unreadable(path, reason)
  }
  return { ...place, strips: () => stripsOfSpool(path, spool, roi, rowsPerStrip, signal), close }
}

async function checkFile(path: string): Promise<void> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw unopened(path, cause)
    throw new PelletlineError('not_found', `${path}: cannot be opened; give the path of an image that exists`, {
      cause,
    })
  })
  if (!found.isFile())
    throw new PelletlineError('invalid_argument', `${path}: is not a file; give the path of an image`)
  if (found.size === 0) {
    throw new PelletlineError(
      'invalid_argument',
      `${path}: is empty (0 bytes); give an image that was written completely`,
    )
  }
  await access(path, constants.R_OK).catch((cause: NodeJS.ErrnoException) => {
    throw unopened(path, cause)
  })
}

function unopened(path: string, cause: NodeJS.ErrnoException): PelletlineError {
  return new PelletlineError(
    'invalid_argument',
    `${path}: cannot be opened (${cause.message}); check the file and its permissions`,
    { cause },
  )
}

/** Size of an image after its orientation was applied, px, from its header alone; throws `invalid_argument` where it has none. */
export async function readImageSize(path: string): Promise<{ width: number; height: number }> {
  try {
    const { autoOrient, format } = await sharp(path, { limitInputPixels: false }).metadata()
    if (!formats.has(format)) throw new Error(`its format is ${format}`)
    return { width: autoOrient.width, height: autoOrient.height }
  } catch (reason) {
    throw unreadable(path, reason)
  }
}

function graySource(path: string): Sharp {
  return sharp(path, { limitInputPixels: false, failOn: 'truncated', sequentialRead: true })
    .autoOrient()
    .flatten({ background: '#000000' })
    .grayscale()
    .toColourspace('b-w')
}

async function decodeAll(path: string, roi: ImageRegion): Promise<Uint8Array> {
  try {
    const { x: left, y: top, width, height } = roi
    const { data, info } = await graySource(path)
      .extract({ left, top, width, height })
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    if (info.channels !== 1) throw new Error(`decoded to ${info.channels} channels instead of one`)
    return plainBytes(data)
  } catch (reason) {
    throw unreadable(path, reason)
  }
}

async function* stripsOfMemory(
  gray: Uint8Array,
  roi: ImageRegion,
  rowsPerStrip: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<ImageStrip> {
  for (let firstRow = 0; firstRow < roi.height; firstRow += rowsPerStrip) {
    signal?.throwIfAborted()
    const rows = Math.min(rowsPerStrip, roi.height - firstRow)
    const from = firstRow * roi.width
    yield { pixels: gray.subarray(from, from + rows * roi.width), width: roi.width, rows, firstRow }
  }
}

async function* stripsOfSpool(
  path: string,
  spool: string,
  roi: ImageRegion,
  rowsPerStrip: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<ImageStrip> {
  for (let firstRow = 0; firstRow < roi.height; firstRow += rowsPerStrip) {
    signal?.throwIfAborted()
    const rows = Math.min(rowsPerStrip, roi.height - firstRow)
    let pixels: Uint8Array
    try {
      const bytes = await sharp(spool, { limitInputPixels: false })
        .extract({ left: roi.x, top: roi.y + firstRow, width: roi.width, height: rows })
        .toColourspace('b-w')
        .raw({ depth: 'uchar' })
        .toBuffer()
      pixels = plainBytes(bytes)
    } catch (reason) {
      throw unreadable(path, reason)
    }
    yield { pixels, width: roi.width, rows, firstRow }
  }
}

/** The same memory not as a Buffer, whose `slice` shares memory where that of every other Uint8Array copies. */
function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

function checkRegion(path: string, roi: ImageRegion, size: { width: number; height: number }): void {
  const whole = [roi.x, roi.y, roi.width, roi.height].every(Number.isInteger)
  const inside = roi.x >= 0 && roi.y >= 0 && roi.x + roi.width <= size.width && roi.y + roi.height <= size.height
  if (whole && inside && roi.width >= 1 && roi.height >= 1) return
  throw new PelletlineError(
    'invalid_argument',
    `${path}: region of interest ${roi.x},${roi.y},${roi.width},${roi.height} (x,y,width,height) does not lie in the ` +
      `image of ${size.width} x ${size.height} px; give whole pixels inside it`,
  )
}

function unreadable(path: string, reason: unknown): unknown {
  if (reason instanceof PelletlineError || (reason instanceof Error && reason.name === 'AbortError')) return reason
  const detail = reason instanceof Error ? reason.message.trim().replaceAll('\n', '; ') : String(reason)
  const truncated = /premature end|truncated|unexpected end|not enough data|read error|end of stream/i.test(detail)
  const what = truncated ? 'is truncated or damaged' : 'cannot be read as an image'
  return new PelletlineError(
    'invalid_argument',
    `${path}: ${what} (${detail}); valid are whole PNG, JPEG, TIFF and WebP files`,
    { cause: reason },
  )
}
