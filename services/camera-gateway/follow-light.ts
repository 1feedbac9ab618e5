import { addToHistogram, createGrayHistogram, estimateLight, fadeHistogram } from '../shared/vision/index.ts'

/** Threshold and bed of a strip, gray levels in bright polarity. */
export interface StripLight {
  readonly threshold: number
  readonly bedLevel: number
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
/** While no pellet has been seen the threshold lies at least this far above the bed, gray levels. */
const minFirstContrast = 32

/**
 * Creates a follower over a subsampled histogram that forgets slowly. Where the histogram does not tell bed from pellets
 * (an empty belt), the last threshold that was sure stays in force.
 */
export function createLightFollower({ memoryStrips }: LightFollowerOptions): LightFollower {
  const histogram = createGrayHistogram()
  const keepOfStrip = 1 - 1 / memoryStrips
  let light: StripLight = { threshold: 0, bedLevel: 0 }
  let sure = false

  return {
    get light() {
      return light
    },
    follow(pixels, width) {
      if (pixels.length === 0) return light
      const samples = Math.min(samplesPerStrip, pixels.length)
      // A short strip says less about the light, so less is forgotten for it.
      fadeHistogram(histogram, keepOfStrip ** (samples / samplesPerStrip))
      addToHistogram(histogram, pixels, chooseStep(pixels.length, width))
      const { threshold, bedLevel, confident } = estimateLight(histogram, { polarity: 'light-on-dark' })
      if (confident) {
        sure = true
        light = { threshold, bedLevel }
      } else if (!sure) {
        light = { threshold: Math.min(254, Math.max(threshold, bedLevel + minFirstContrast)), bedLevel }
      }
      return light
    },
  }
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
