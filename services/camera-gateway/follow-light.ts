import { FollowState } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import {
  addToHistogram,
  createGrayHistogram,
  estimateLight,
  type GrayHistogram,
  type LightEstimate,
} from '../shared/vision/index.ts'
import { judgeLight } from './judge-light.ts'

/** Threshold and bed of a strip, gray levels in bright polarity. */
export interface StripLight {
  readonly threshold: number
  readonly bedLevel: number
  readonly state: FollowState
  /** Why the light is lost; empty where it is not. */
  readonly reason: string
}

export interface LightFollowerOptions {
  /** About this many strips back count. */
  readonly memoryStrips: number
}

/** Follows the light of a run. */
export interface LightFollower {
  /** Light in force after the last strip; zeros before the first one with rows. */
  readonly light: StripLight
  /** Takes the pixels of the next strip (8 bit, bright polarity) and returns the light by which it is to be judged. */
  follow(pixels: Uint8Array, width: number): StripLight
}

/** Pixels looked at in one strip: enough for a histogram, few enough to cost nothing. */
const samplesPerStrip = 65_536
/** A strip with fewer says too little alone to contradict the light in force. */
const samplesToJudge = 4096
/** A strip with a smaller share of pixels above the threshold shows no product. */
const leastProduct = 0.0005
/** While no pellet has been seen the threshold lies at least this far above the bed, gray levels. */
const minFirstContrast = 32
/** Strips in a row that contradict the light until it is lost (one may be full of product), and that agree until it is found. */
const lostAfter = 4
const foundAfter = 2

/**
 * Creates a follower over a subsampled histogram that forgets slowly. NOMINAL until the histogram told bed from pellets
 * once; FOLLOWING while it does; HELD while it does not, and after `memoryStrips` strips without product (an empty belt): the
 * last threshold that was sure stays in force. LOST, whatever the histogram says, while strips of their own show that the
 * threshold in force does not tell them apart: `judgeLight`. It is followed all the same, so a lamp that has dimmed is
 * caught up with.
 */
export function createLightFollower({ memoryStrips }: LightFollowerOptions): LightFollower {
  const histogram = createGrayHistogram()
  const keepOfStrip = 1 - 1 / memoryStrips
  let light: StripLight = { threshold: 0, bedLevel: 0, state: FollowState.NOMINAL, reason: '' }
  let bedSpread = 0
  let sure = false
  let lost = false
  let disagreeing = 0
  let stripsWithoutProduct = 0

  /** Whether the light is lost after a strip that contradicts it for a reason, or does not. */
  function followDoubt(reason: string | undefined): string {
    const changes = lost ? reason === undefined : reason !== undefined
    disagreeing = changes ? disagreeing + 1 : 0
    if (disagreeing >= (lost ? foundAfter : lostAfter)) {
      lost = !lost
      disagreeing = 0
    }
    return lost ? (reason ?? light.reason) : ''
  }

  function estimate(own: GrayHistogram, samples: number): LightEstimate {
    // A short strip says less about the light, so less is forgotten for it.
    const keep = keepOfStrip ** (samples / samplesPerStrip)
    for (let level = 0; level < 256; level++) histogram[level] = histogram[level]! * keep + own[level]!
    return estimateLight(histogram, { polarity: 'light-on-dark' })
  }

  return {
    get light() {
      return light
    },
    follow(pixels, width) {
      if (pixels.length === 0) return light
      const samples = Math.min(samplesPerStrip, pixels.length)
      const own = createGrayHistogram()
      addToHistogram(own, pixels, chooseStep(pixels.length, width))
      const all = estimate(own, samples)
      let { threshold, bedLevel } = light
      if (all.confident) {
        sure = true
        threshold = all.threshold
        bedLevel = all.bedLevel
        bedSpread = all.bedSpread
      } else if (!sure) {
        threshold = Math.min(254, Math.max(all.threshold, all.bedLevel + minFirstContrast))
        bedLevel = all.bedLevel
      }
      let { reason } = light
      if (sure && samples >= samplesToJudge) {
        const alone = estimateLight(own, { polarity: 'light-on-dark' })
        reason = followDoubt(judgeLight(alone, { threshold, bedSpread }))
      }
      stripsWithoutProduct = shareAbove(own, threshold) < leastProduct ? stripsWithoutProduct + 1 : 0
      const following = all.confident && stripsWithoutProduct < memoryStrips ? FollowState.FOLLOWING : FollowState.HELD
      const state = lost ? FollowState.LOST : sure ? following : FollowState.NOMINAL
      light = { threshold, bedLevel, state, reason }
      return light
    },
  }
}

function shareAbove(histogram: GrayHistogram, threshold: number): number {
  let above = 0
  let total = 0
  for (let level = 0; level < 256; level++) {
    total += histogram[level]!
    if (level > threshold) above += histogram[level]!
  }
  return above / total
}

/** A step that has no common factor with the width, so that every column is looked at. */
function chooseStep(pixels: number, width: number): number {
  let step = Math.max(1, Math.floor(pixels / samplesPerStrip))
  while (greatestCommonDivisor(step, width) > 1) step++
  return step
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
