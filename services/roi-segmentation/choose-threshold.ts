import type { ImageStrips } from '../shared/images/open-image-strips.ts'
import {
  type ComponentSummary,
  estimateSize,
  findComponents,
  type SizeEstimate,
  thresholdCandidates,
} from '../shared/vision/index.ts'
import { brightPixels, type ImageLook } from './look-at-image.ts'

/** A threshold, in levels of the image as it is, and what a coarse look with it showed. */
export interface ChosenThreshold {
  readonly threshold: number
  /** Undefined where nothing looks like a pellet. */
  readonly size: SizeEstimate | undefined
  readonly components: readonly ComponentSummary[]
}

/** A candidate must be this many times as good as the best one before it. */
const preference = 1.03
/** Share of what is beyond the threshold that must look like single pellets where the histogram shows no hill of its own. */
const plausibleShare = 0.1
/** The coarse look takes strips spread over the image up to this many pixels in all. */
const maxPixels = 16_000_000

/**
 * Chooses between thresholds by what they show: a bed with uneven light makes several hills in the histogram, and the
 * right level is the one that gives the most area of single, round components of one size, weighed by the square of how steep
 * the edges are that it crosses. `given` is used as it is.
 */
export async function chooseThreshold(
  image: Pick<ImageStrips, 'strips' | 'width' | 'height'>,
  look: ImageLook,
  given: number | undefined,
): Promise<ChosenThreshold> {
  const { histogram, light, steps } = look
  const dark = light.polarity === 'dark-on-light'
  const thresholds = given === undefined ? thresholdCandidates(histogram, light, steps) : [given]
  const looks = thresholds.map((threshold) => ({ threshold, components: [] as ComponentSummary[] }))
  let seen = 0
  let passed = 0
  const share = Math.min(1, maxPixels / (image.width * image.height))
  for await (const strip of image.strips()) {
    passed += strip.pixels.length
    if (seen > passed * share) continue
    seen += strip.pixels.length
    const bright = brightPixels(strip, look)
    for (const { threshold, components } of looks) {
      const level = dark ? 255 - threshold : threshold
      for (const component of findComponents(bright, strip.width, strip.rows, level)) components.push(component)
    }
  }
  const sized = looks.map((tried) => {
    const size = estimateSize(tried.components)
    return { ...tried, size, score: (size?.singlesAreaPx ?? 0) * steps[tried.threshold]! ** 2 }
  })
  let best = sized[0]!
  for (const tried of sized.slice(1)) if (tried.score > preference * best.score) best = tried
  if (given === undefined && !light.confident && best.size !== undefined) {
    const beyond = best.components.reduce((sum, { areaPx }) => sum + areaPx, 0)
    if (best.size.singlesAreaPx < plausibleShare * beyond) return { ...best, size: undefined }
  }
  return best
}
