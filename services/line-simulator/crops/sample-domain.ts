import type { Random } from '../random.ts'
import { defaultLine, type LineSettings, type SpeckSettings } from '../settings.ts'

/** A line to cut crops from, with what its recipe would say. */
export interface CropDomain {
  readonly settings: LineSettings
  /** Gray above which a pixel is pellet. */
  readonly threshold: number
  readonly cropScale: number
}

/** Side of a scene that crops are cut from, px of the crop: it holds about a hundred pellets. */
const sceneSide = 720

/** What every scene of a set of crops has in common. */
export interface CropSpecks {
  readonly prevalence: number
  readonly subSizeShare: number
  readonly smallestSpeckPx: number
  readonly minContrast: number
}

/** The default line under slightly changing light and focus. */
export function sampleLineDomain(random: Random, specks: CropSpecks): CropDomain {
  const { product, optics } = defaultLine
  const settings: LineSettings = {
    ...defaultLine,
    width: sceneSide,
    pelletsPerMpx: 190,
    product: { ...product, gray: product.gray * random.range(0.94, 1.06), finesShare: 0.002 },
    specks: { ...defaultLine.specks, ...specks },
    optics: {
      ...optics,
      blurPx: optics.blurPx * random.range(0.9, 1.25),
      bedGray: optics.bedGray * random.range(0.8, 1.25),
    },
  }
  return { settings, threshold: thresholdOf(settings, random.range(0.35, 0.5)), cropScale: 1 }
}

/**
 * The default line, but what is rare on it is frequent: twins, tails, fines, dust, and specks at the rim. A network that sees
 * two twins in a thousand crops learns nothing of them, and at 100 ppm of overkill a twin in five hundred pellets counts.
 */
export function sampleRareDomain(random: Random, specks: CropSpecks): CropDomain {
  const domain = sampleLineDomain(random, specks)
  const { settings } = domain
  const { product } = settings
  return {
    ...domain,
    settings: {
      ...settings,
      product: { ...product, twinShare: 0.5, tailShare: 0.15, finesShare: 0.03, dustPerMpx: 4 * product.dustPerMpx },
      specks: { ...settings.specks, rimShare: 0.6 },
    },
  }
}

/**
 * A line whose every property is drawn from far beyond the default line, so that what is learnt on many of them is the
 * speck and not the line (domain randomisation).
 */
export function sampleWideDomain(random: Random, specks: CropSpecks): CropDomain {
  // Something like every other product is a natural-looking one: round, matt, with a strongly patterned skin.
  const natural = random.chance(0.45)
  const medianDiameterPx = natural || random.chance(0.6) ? random.range(30, 60) : random.logRange(19, 84)
  const sizeSpread = random.range(0.02, 0.14)
  const cylinders = !natural && random.chance(0.7) ? 1 : 0
  const largest = medianDiameterPx * (1 + 1.6 * sizeSpread) * (cylinders ? 1.16 : 1.06)
  // A recipe's largest pellet is not always the lot's: half of the time the scale leaves more room than needed.
  const cropScale = Math.min(1, 46 / largest) * (random.chance(0.5) ? 1 : random.range(0.82, 1))
  const perCropPx = 1 / cropScale
  const bedGray = random.chance(0.3) ? random.range(0, 8) : random.range(6, 60)
  const gray = Math.min(235, Math.max(bedGray + 60, natural ? random.range(85, 200) : random.range(80, 225)))
  const pale = gray / 255
  // In a blurred picture a small speck loses its contrast: what is asked to be found grows with the blur.
  const blurCropPx = random.chance(0.2) ? random.range(1, 1.7) : random.range(0.35, 1)
  const smallest = specks.smallestSpeckPx * Math.max(1, blurCropPx / 0.9)
  const spotted = random.chance(natural ? 0.5 : 0.2)
  const patterned = natural || random.chance(0.5)
  const settings: LineSettings = {
    ...defaultLine,
    width: Math.round(sceneSide * perCropPx),
    pelletsPerMpx: (random.range(0.16, 0.3) * 1e6) / ((Math.PI / 4) * medianDiameterPx ** 2),
    clusterShare: random.chance(0.7) ? random.range(0, 0.6) : 0,
    product: {
      medianDiameterPx,
      sizeSpread,
      maxDiameterPx: largest,
      shapes: {
        cylinderSide: cylinders * random.range(0.2, 1),
        cylinderEnd: cylinders * random.range(0.1, 1),
        lentil: random.range(0.2, 1.4),
        seed: random.chance(0.3) ? random.range(0, 1) : 0,
      },
      gray,
      graySpread: random.range(2, 20) * pale,
      translucency: random.next() ** 1.5,
      glossShare: random.chance(natural ? 0.25 : 0.6) ? random.next() : 0,
      gloss: random.range(0.05, 0.6),
      shading: random.range(0.1, 0.9),
      mottle: 0.004 + 0.056 * random.next() ** 1.6,
      patternShare: patterned ? random.range(natural ? 0.6 : 0.25, 1) : 0,
      patternContrast: natural ? random.range(0.08, 0.24) : random.range(0.05, 0.2),
      markShare: natural ? random.range(0.4, 0.85) : random.chance(0.5) ? random.range(0.1, 0.7) : 0.05,
      tailShare: 0.01,
      twinShare: 0,
      finesShare: 0.002,
      dustPerMpx: random.range(0, 20),
    },
    specks: {
      ...defaultLine.specks,
      ...specks,
      smallestSpeckPx: smallest * perCropPx,
      minContrast: Math.min(0.55, specks.minContrast * Math.max(1, 0.8 * blurCropPx)),
      maxSpeckPx: random.range(7, 18) * perCropPx,
      maxContrast: random.range(0.62, 0.98),
      severalShare: spotted ? random.range(0.4, 1) : random.range(0.05, 0.4),
      maxSpecks: spotted ? random.int(4, 14) : random.int(2, 5),
      rimShare: random.range(0.05, 0.35),
    } satisfies SpeckSettings,
    optics: {
      ...defaultLine.optics,
      bedGray,
      bedTexture: Math.min(8, bedGray * 0.15) * random.next(),
      unevenLight: random.range(0, 0.3),
      blurPx: Math.max(0.3, blurCropPx * perCropPx - 0.3 * (perCropPx - 1)),
      readNoise: 0.2 + 3.8 * random.next() ** 1.7,
      shotNoise: 0.4 + 6.5 * random.next() ** 1.5,
      noiseCorrelationPx: ([0, 0, 0.8, 0.8, 2] as const)[random.int(0, 4)]!,
      sharpening: random.chance(0.35) ? random.range(0.1, 0.9) : 0,
      flicker: random.range(0, 0.02),
    },
  }
  return {
    settings,
    threshold: thresholdOf(settings, random.chance(0.15) ? random.range(0.5, 0.75) : random.range(0.28, 0.5)),
    cropScale,
  }
}

function thresholdOf(settings: LineSettings, share: number): number {
  const bed = settings.optics.bedGray
  const noise = Math.hypot(settings.optics.readNoise, settings.optics.bedTexture)
  return Math.round(Math.max(bed + 5 * noise + 4, bed + share * (0.85 * settings.product.gray - bed)))
}
