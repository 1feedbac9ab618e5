import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { Polarity } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type {
  GrayImage,
  SegmentImageRequest,
  SegmentImageResponseSchema,
} from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { readImageSize } from '../shared/images/open-image-strips.ts'
import { cropBytes } from '../shared/inspection/crop.ts'
import { notJudgedReason } from './kernel/types.ts'
import type { ImagePellet } from './list-image-pellets.ts'
import { type SegmentedImage, type SegmentImageOptions, segmentImage } from './segment-image.ts'

export interface SegmentImageLimits {
  /** Largest image, pixels. */
  readonly maxImagePixels: number
}

type Response = MessageInitShape<typeof SegmentImageResponseSchema>

function refuseField(field: string, description: string): PelletlineError {
  return new PelletlineError('invalid_argument', `${field}: ${description}`, { violations: [{ field, description }] })
}

/**
 * Answers SegmentImage: `invalid_argument` with the field where the image cannot be read, has no pixels, not rows * width
 * bytes or more than maxImagePixels, and for a threshold without the polarity that it is meant in.
 */
export async function answerSegmentImage(request: SegmentImageRequest, limits: SegmentImageLimits): Promise<Response> {
  const options = readOptions(request)
  switch (request.image.case) {
    case 'gray': {
      checkGray(request.image.value, limits)
      return describeImage(await segmentImage(request.image.value, options), request)
    }
    case 'encoded':
      return describeImage(await segmentEncoded(request.image.value, options, limits), request)
    case undefined:
      throw refuseField('image', 'no image is given; give `encoded` or `gray`')
    default:
      return request.image satisfies never
  }
}

function readOptions(request: SegmentImageRequest): SegmentImageOptions {
  const { polarity, threshold, pelletDiameterPx } = request
  if (threshold !== undefined && polarity === Polarity.UNSPECIFIED) {
    throw refuseField('threshold', 'a threshold is in bright polarity; give the polarity with it, or leave it out')
  }
  const dark = polarity === Polarity.DARK_ON_LIGHT
  return {
    polarity: polarity === Polarity.UNSPECIFIED ? undefined : dark ? 'dark-on-light' : 'light-on-dark',
    threshold: threshold === undefined ? undefined : dark ? 255 - threshold : threshold,
    pelletDiameterPx,
    outlines: request.returnOutlines,
  }
}

function checkGray(image: GrayImage, limits: SegmentImageLimits): void {
  const { width, height, pixels } = image
  if (pixels.length !== width * height) {
    throw refuseField(
      'gray.pixels',
      `${pixels.length} bytes are given; ${height} rows of ${width} pixels are ${width * height}`,
    )
  }
  if (pixels.length > limits.maxImagePixels) throw refuseSize('gray', pixels.length, limits)
}

function refuseSize(field: string, pixels: number, limits: SegmentImageLimits): PelletlineError {
  return refuseField(
    field,
    `the image has ${pixels} pixels, the limit is ${limits.maxImagePixels}; send it in pieces or as strips`,
  )
}

/** Segments an encoded file from a private folder, since images are read from files in strips, whatever their size. */
async function segmentEncoded(
  bytes: Uint8Array,
  options: SegmentImageOptions,
  limits: SegmentImageLimits,
): Promise<SegmentedImage> {
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-image-'))
  const path = join(folder, 'image')
  try {
    await writeFile(path, bytes)
    // Read before any pixel is decoded: a small file can hold an image that fills the memory.
    const { width, height } = await readImageSize(path)
    if (width * height > limits.maxImagePixels) throw refuseSize('encoded', width * height, limits)
    return await segmentImage(path, options)
  } catch (reason) {
    const error = PelletlineError.from(reason)
    // What is wrong with the image names its file; a full disk, a setting or a fault of ours is not the image's.
    if (error.code !== 'invalid_argument' || !error.message.startsWith(path)) throw error
    throw refuseField('encoded', error.message.replaceAll(path, 'the image'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function describeImage(image: SegmentedImage, request: SegmentImageRequest): Response {
  const { pellets, settings, light } = image
  const column = (read: (pellet: ImagePellet) => number) => pellets.map(read)
  const judged = pellets.filter((pellet) => pellet.crop !== undefined)
  const count = (reason: number) => BigInt(pellets.filter((pellet) => pellet.notJudged === reason).length)
  const dark = light.polarity === 'dark-on-light'
  return {
    pellets: {
      x: column((pellet) => pellet.x),
      y: pellets.map((pellet) => BigInt(pellet.y)),
      width: column((pellet) => pellet.width),
      height: column((pellet) => pellet.height),
      areaPx: column((pellet) => pellet.areaPx),
      equivalentDiameterPx: column((pellet) => pellet.equivalentDiameterPx),
      aspectRatio: column((pellet) => pellet.aspectRatio),
      roundness: column((pellet) => pellet.roundness),
      meanGray: column((pellet) => pellet.meanGray),
      notJudged: column((pellet) => pellet.notJudged),
      touchesBorder: column((pellet) => (pellet.touchesBorder ? 1 : 0)),
      feretLengthPx: column((pellet) => pellet.feretLengthPx),
      feretWidthPx: column((pellet) => pellet.feretWidthPx),
      solidity: column((pellet) => pellet.solidity),
      graySpread: column((pellet) => pellet.graySpread),
    },
    crops: request.returnCrops ? joinCrops(judged) : new Uint8Array(0),
    outlines: request.returnOutlines
      ? pellets.map((pellet) => ({ rings: pellet.outline.map((ring) => ({ xy: Array.from(ring) })) }))
      : [],
    polarity: dark ? Polarity.DARK_ON_LIGHT : Polarity.LIGHT_ON_DARK,
    threshold: settings?.threshold ?? (dark ? 255 - light.threshold : light.threshold),
    medianAreaPx: settings?.medianAreaPx ?? 0,
    cropScale: settings?.cropScale ?? 1,
    reconciliation: {
      rowsAcquired: BigInt(image.roi.height),
      found: BigInt(pellets.length + image.shed),
      shed: BigInt(image.shed),
      notJudged: BigInt(pellets.length - judged.length),
      notJudgedByReason: {
        cluster: count(notJudgedReason.cluster),
        oversize: count(notJudgedReason.oversize),
        imageEdge: count(notJudgedReason.imageEdge),
        lostRows: count(notJudgedReason.lostRows),
      },
      dust: BigInt(image.dust),
    },
  }
}

function joinCrops(judged: readonly ImagePellet[]): Uint8Array {
  const crops = new Uint8Array(judged.length * cropBytes)
  for (const [i, pellet] of judged.entries()) if (pellet.crop !== undefined) crops.set(pellet.crop, i * cropBytes)
  return crops
}
