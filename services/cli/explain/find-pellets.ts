import { decodeGray } from '../../shared/images/decode-gray.ts'
import { readImageSize } from '../../shared/images/image-size.ts'
import { cropSide } from '../../shared/inspection/crop.ts'
import type { InferencePool } from '../../shared/onnx/inference-pool.ts'
import { inspectImage } from '../inspect/inspect-image.ts'
import type { ExplainOptions } from './options.ts'

/** A pellet that is to be explained. */
export interface FoundPellet {
  /** Of the pellet in its image; undefined where the image is the crop. */
  readonly index: number | undefined
  readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number } | undefined
  readonly crop: Uint8Array
}

export interface FoundPellets {
  readonly pellets: readonly FoundPellet[]
  /** Pellets of the image that are not explained: they are OK, or have no crop. */
  readonly passedOver: number
}

export interface FindPelletsOptions {
  /** The model as a judge; asked for only where pellets must be found. */
  readonly pool: () => Promise<InferencePool>
  /** Margin zNG - zOK from which a pellet is NG. */
  readonly ngMargin: number
  readonly options: ExplainOptions
  readonly signal: AbortSignal
}

/**
 * The pellets of an image that are to be explained: the crop itself where the image is 50x50 px, otherwise those that are
 * NG, or with `--all` all that have a crop. Throws `invalid_argument` naming a file that is no image.
 */
export async function findPellets(
  file: string,
  { pool, ngMargin, options, signal }: FindPelletsOptions,
): Promise<FoundPellets> {
  const size = await readImageSize(file)
  if (size.width === cropSide && size.height === cropSide) {
    const { pixels } = await decodeGray(file, file)
    return { pellets: [{ index: undefined, box: undefined, crop: pixels }], passedOver: 0 }
  }
  const image = await inspectImage(file, {
    pool: await pool(),
    ngMargin,
    segmentation: {
      roi: options.roi,
      polarity: options.polarity,
      method: options.method,
      threshold: options.threshold,
      pelletDiameterPx: options.pelletDiameter,
      outlines: false,
      signal,
    },
  })
  const wanted = image.pellets.flatMap((pellet): FoundPellet[] => {
    const { index, x, y, width, height, crop, verdict } = pellet
    if (crop === undefined || !(verdict === 'NG' || options.all)) return []
    return [{ index, box: { x, y, width, height }, crop }]
  })
  return { pellets: wanted, passedOver: image.counts.found - wanted.length }
}
