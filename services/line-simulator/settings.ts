import { PelletlineError } from '../shared/errors/pelletline-error.ts'

/** The product on the belt: shapes, surfaces, and the specks in it. Lengths in px of the image, grays 0..255. */
export interface ProductSettings {
  /** Median equivalent diameter of a pellet, px. */
  readonly medianDiameterPx: number
  /** Standard deviation of the diameter relative to the median; sizes are cut off at 2.5 deviations. */
  readonly sizeSpread: number
  /** No single pellet's box (tails aside) is wider or higher than this, px. */
  readonly maxDiameterPx: number
  /** Relative shares of the shapes. */
  readonly shapes: {
    readonly cylinderSide: number
    readonly cylinderEnd: number
    readonly lentil: number
    readonly seed: number
  }
  /** Gray of a fully lit surface and its standard deviation from pellet to pellet. */
  readonly gray: number
  readonly graySpread: number
  /** 0 matt and opaque .. 1 strongly shaded by what shines through it. */
  readonly translucency: number
  /** Share of pellets with a highlight, and its largest brightness relative to `gray`. */
  readonly glossShare: number
  readonly gloss: number
  /** Depth of the shading from centre to rim, 0 flat .. 1 a lit sphere. */
  readonly shading: number
  /** Largest standard deviation of the smooth surface mottle, relative. */
  readonly mottle: number
  /** Share of pellets that carry a seed-coat-like pattern (veins, rings, wrinkles, fine dots), and its largest contrast. */
  readonly patternShare: number
  readonly patternContrast: number
  /** Share of pellets with light scratches, a seam or a shallow dent. */
  readonly markShare: number
  /** Shares of pellets with a tail, welded pairs, and fragments much smaller than a pellet. */
  readonly tailShare: number
  readonly twinShare: number
  readonly finesShare: number
  /** Grains of dust below the size of a pellet, per megapixel of belt. */
  readonly dustPerMpx: number
}

/** The specks that make a pellet NG. Diameters are of the circle of the same area, at half the speck's contrast. */
export interface SpeckSettings {
  /** Share of the pellets that are NG by truth, 0.00001 (10 ppm) .. 0.5. */
  readonly prevalence: number
  /** Share of the pellets whose specks are all below what counts, relative to `prevalence`. */
  readonly subSizeShare: number
  /**
   * The smallest speck that makes a pellet NG, px. The default, 3 px, is where a speck of the least contrast that counts
   * (0.35, about 50 gray levels) is expected to be found with at least 90 % probability after the default blur.
   */
  readonly smallestSpeckPx: number
  /** Least contrast that makes a pellet NG: 1 - gray of the speck / gray of the pellet round it; 1 is black. */
  readonly minContrast: number
  readonly maxContrast: number
  /** Largest speck, px; it is also kept below 0.45 of its pellet's diameter. */
  readonly maxSpeckPx: number
  /** Share of NG pellets that carry more than one speck, and the most they carry. */
  readonly severalShare: number
  readonly maxSpecks: number
  /** Share of specks at the rim. */
  readonly rimShare: number
}

/** What the camera makes of the scene. */
export interface OpticsSettings {
  /** Gray of the empty bed, and the standard deviation of its texture. */
  readonly bedGray: number
  readonly bedTexture: number
  /** Relative fall of the light from the middle to the edges of the sensor. */
  readonly unevenLight: number
  /** Gray of every column without light, and its standard deviation from column to column. */
  readonly darkLevel: number
  readonly darkPattern: number
  /** Relative standard deviation of the columns' sensitivity. */
  readonly gainPattern: number
  /** Streaks of dirt on the window, 1 to 20 px wide, that take 10 to 35 % of the light; columns that see next to none. */
  readonly dirtStreaks: number
  readonly deadColumns: number
  /** Standard deviation of the point spread function, px. */
  readonly blurPx: number
  /** Standard deviation of the noise at gray 0, and of the shot noise at gray 255 (it grows with the root of the gray). */
  readonly readNoise: number
  readonly shotNoise: number
  /** Correlation length of the noise, px: 0 for a raw sensor, about 1 for a camera that smooths. */
  readonly noiseCorrelationPx: 0 | 0.8 | 2
  /** Strength of the camera's edge sharpening, 0 none .. 1. */
  readonly sharpening: number
  /** Relative standard deviation of the lamp from row to row (slow and fast parts alike). */
  readonly flicker: number
  /** Runs of lost rows per 100,000 rows (at most one in 1,000 rows), and the longest such run. */
  readonly lossesPer100kRows: number
  readonly maxLostRows: number
  /** `dark-on-light` delivers the negative: dark pellets on a light bed (and light specks in them). */
  readonly polarity: 'light-on-dark' | 'dark-on-light'
}

/** A simulated line. */
export interface LineSettings {
  /** Pixels across the belt. */
  readonly width: number
  readonly rowsPerSecond: number
  /** Rows in a full strip; a strip before a gap of lost rows is shorter. */
  readonly stripRows: number
  readonly umPerPxAcross: number
  readonly umPerPxAlong: number
  /** Pellets per megapixel of belt (fines and both halves of a cluster counted). */
  readonly pelletsPerMpx: number
  /** Share of pellets that lie in touching clusters, and the most in one. */
  readonly clusterShare: number
  readonly maxClusterSize: number
  readonly product: ProductSettings
  readonly specks: SpeckSettings
  readonly optics: OpticsSettings
  /**
   * Good pellets are taken from a pool of this many drawn beforehand (speckled ones are always drawn anew); 0 draws
   * every pellet anew. A pool makes a line about six times cheaper, but its few looks repeat: one that is judged wrong
   * is judged wrong every time, so figures of overkill want 0.
   */
  readonly spritePool: number
}

/** Partial settings, as a user gives them; what is left out keeps its default. */
export type LineSettingsInput = {
  readonly [K in keyof LineSettings]?: LineSettings[K] extends object ? DeepPartial<LineSettings[K]> : LineSettings[K]
} & { readonly preset?: 'default' | 'wide' }

type DeepPartial<T> = { readonly [K in keyof T]?: T[K] extends object ? DeepPartial<T[K]> : T[K] }

/** 2,048 px x 4,400 rows/s: about 600 pellets/s, as sparse as a real line. */
export const defaultLine: LineSettings = {
  width: 2048,
  rowsPerSecond: 4400,
  stripRows: 256,
  umPerPxAcross: 80,
  umPerPxAlong: 80,
  pelletsPerMpx: 67,
  clusterShare: 0.12,
  maxClusterSize: 4,
  product: {
    medianDiameterPx: 36,
    sizeSpread: 0.06,
    maxDiameterPx: 45,
    shapes: { cylinderSide: 0.3, cylinderEnd: 0.25, lentil: 0.45, seed: 0 },
    gray: 172,
    graySpread: 9,
    translucency: 0.35,
    glossShare: 0.6,
    gloss: 0.3,
    shading: 0.55,
    mottle: 0.025,
    patternShare: 0.15,
    patternContrast: 0.1,
    markShare: 0.12,
    tailShare: 0.01,
    twinShare: 0.002,
    finesShare: 0.004,
    dustPerMpx: 4,
  },
  specks: {
    prevalence: 0.01,
    subSizeShare: 0.05,
    smallestSpeckPx: 3,
    minContrast: 0.35,
    maxContrast: 0.96,
    maxSpeckPx: 13,
    severalShare: 0.2,
    maxSpecks: 5,
    rimShare: 0.2,
  },
  optics: {
    bedGray: 18,
    bedTexture: 1.5,
    unevenLight: 0.12,
    darkLevel: 0,
    darkPattern: 0,
    gainPattern: 0,
    dirtStreaks: 0,
    deadColumns: 0,
    blurPx: 0.7,
    readNoise: 1.2,
    shotNoise: 4,
    noiseCorrelationPx: 0,
    sharpening: 0,
    flicker: 0.006,
    lossesPer100kRows: 0,
    maxLostRows: 24,
    polarity: 'light-on-dark',
  },
  spritePool: 0,
}

/** One camera at full rate: 8,192 px x 45,000 rows/s = 369 MB/s, about 25,000 pellets/s. */
export const wideLine: LineSettings = {
  ...defaultLine,
  width: 8192,
  rowsPerSecond: 45_000,
  stripRows: 1024,
  spritePool: 2048,
}

/** Fills in defaults and checks every value; throws `invalid_argument` that names each wrong key and what is valid. */
export function resolveLineSettings(input: LineSettingsInput = {}): LineSettings {
  const { preset, ...rest } = input
  const presets = { default: defaultLine, wide: wideLine }
  if (preset !== undefined && presets[preset] === undefined)
    throw new PelletlineError('invalid_argument', `Line preset "${preset}" is not known; valid: default, wide.`)
  const violations: { field: string; description: string }[] = []
  const settings = merge(presets[preset ?? 'default'], rest, '', violations) as LineSettings
  if (violations.length === 0) check(settings, violations)
  if (violations.length > 0)
    throw new PelletlineError(
      'invalid_argument',
      `Line settings: ${violations.map((v) => `${v.field} ${v.description}`).join('; ')}.`,
      { violations },
    )
  return settings
}

function merge(base: object, over: object, path: string, violations: { field: string; description: string }[]): object {
  const out: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const field = `${path}${key}`
    const known = out[key]
    if (value === undefined) continue
    if (known === undefined)
      violations.push({ field, description: `is not a setting; valid: ${Object.keys(base).join(', ')}` })
    else if (typeof known !== typeof value || value === null)
      violations.push({ field, description: `is ${JSON.stringify(value)}; a ${typeof known} is expected` })
    else out[key] = typeof known === 'object' ? merge(known as object, value as object, `${field}.`, violations) : value
  }
  return out
}

const ranges: readonly (readonly [string, number, number])[] = [
  ['width', 128, 65_536],
  ['rowsPerSecond', 1, 1_000_000],
  ['stripRows', 1, 65_536],
  ['umPerPxAcross', 0.1, 10_000],
  ['umPerPxAlong', 0.1, 10_000],
  ['pelletsPerMpx', 0, 2000],
  ['clusterShare', 0, 0.9],
  ['maxClusterSize', 2, 12],
  ['spritePool', 0, 65_536],
  ['product.medianDiameterPx', 6, 200],
  ['product.sizeSpread', 0, 0.4],
  ['product.maxDiameterPx', 6, 240],
  ['product.shapes.cylinderSide', 0, 1e6],
  ['product.shapes.cylinderEnd', 0, 1e6],
  ['product.shapes.lentil', 0, 1e6],
  ['product.shapes.seed', 0, 1e6],
  ['product.gray', 10, 255],
  ['product.graySpread', 0, 80],
  ['product.translucency', 0, 1],
  ['product.glossShare', 0, 1],
  ['product.gloss', 0, 1],
  ['product.shading', 0, 1],
  ['product.mottle', 0, 0.2],
  ['product.patternShare', 0, 1],
  ['product.patternContrast', 0, 0.6],
  ['product.markShare', 0, 1],
  ['product.tailShare', 0, 1],
  ['product.twinShare', 0, 1],
  ['product.finesShare', 0, 1],
  ['product.dustPerMpx', 0, 10_000],
  ['specks.prevalence', 0, 0.5],
  ['specks.subSizeShare', 0, 1],
  ['specks.smallestSpeckPx', 1, 100],
  ['specks.minContrast', 0.01, 0.95],
  ['specks.maxContrast', 0.01, 1],
  ['specks.maxSpeckPx', 1, 200],
  ['specks.severalShare', 0, 1],
  ['specks.maxSpecks', 1, 40],
  ['specks.rimShare', 0, 1],
  ['optics.bedGray', 0, 250],
  ['optics.bedTexture', 0, 40],
  ['optics.unevenLight', 0, 0.9],
  ['optics.darkLevel', 0, 60],
  ['optics.darkPattern', 0, 10],
  ['optics.gainPattern', 0, 0.2],
  ['optics.dirtStreaks', 0, 64],
  ['optics.deadColumns', 0, 64],
  ['optics.blurPx', 0, 6],
  ['optics.readNoise', 0, 40],
  ['optics.shotNoise', 0, 40],
  ['optics.sharpening', 0, 1],
  ['optics.flicker', 0, 0.3],
  ['optics.lossesPer100kRows', 0, 100],
  ['optics.maxLostRows', 1, 900],
]

function check(settings: LineSettings, violations: { field: string; description: string }[]): void {
  for (const [field, low, high] of ranges) {
    let value: unknown = settings
    for (const key of field.split('.')) value = (value as Record<string, unknown>)[key]
    if (typeof value !== 'number' || !(value >= low && value <= high))
      violations.push({ field, description: `is ${String(value)}; valid: ${low} to ${high}` })
  }
  for (const field of ['width', 'stripRows', 'maxClusterSize', 'spritePool'] as const)
    if (!Number.isInteger(settings[field])) violations.push({ field, description: 'is not a whole number' })
  for (const field of ['dirtStreaks', 'deadColumns'] as const)
    if (!Number.isInteger(settings.optics[field]))
      violations.push({ field: `optics.${field}`, description: 'is not a whole number' })
  const { specks, product, optics } = settings
  if (specks.minContrast > specks.maxContrast)
    violations.push({ field: 'specks.minContrast', description: 'is above specks.maxContrast' })
  if (specks.smallestSpeckPx > Math.min(specks.maxSpeckPx, 0.4 * product.medianDiameterPx))
    violations.push({
      field: 'specks.smallestSpeckPx',
      description: 'must be at most specks.maxSpeckPx and 0.4 of product.medianDiameterPx, or no pellet could be NG',
    })
  if (Object.values(product.shapes).every((share) => share === 0))
    violations.push({ field: 'product.shapes', description: 'are all 0; at least one shape needs a share' })
  if (![0, 0.8, 2].includes(optics.noiseCorrelationPx))
    violations.push({ field: 'optics.noiseCorrelationPx', description: 'must be 0, 0.8 or 2' })
  if (!['light-on-dark', 'dark-on-light'].includes(optics.polarity))
    violations.push({ field: 'optics.polarity', description: 'must be light-on-dark or dark-on-light' })
}
