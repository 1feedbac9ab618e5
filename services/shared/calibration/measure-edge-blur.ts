import { PelletlineError } from '../errors/pelletline-error.ts'
import { normalProbability } from '../statistics/normal-distribution.ts'

/** Pixels on either side of the edge that are looked at. */
const reach = 10
const fewestRows = 32
/** The darker side is at least so much darker, as a share of the range. */
const leastContrast = 0.1
const mostBlurPx = 5

/**
 * Blur of lens and sensor across the belt, px: standard deviation of the Gaussian that turns a sharp edge (dark on one side,
 * light on the other, running along the belt, upright or slightly slanted) into the one that is seen. The edge's place is
 * fitted by a line through all rows (as the slanted-edge method of ISO 12233 does), and all pixels near it by
 * low + (high - low) * Phi(u / sqrt(s^2 + 1/12)), the pixel's own width being the 1/12. Throws `invalid_argument` naming
 * `source` where there is no such edge.
 */
export function measureEdgeBlur(
  levels: Uint8Array | Uint16Array,
  width: number,
  topLevel: number,
  source: string,
): number {
  const rows = Math.floor(levels.length / width)
  if (rows < fewestRows || width < 4 * reach) {
    throw refuse(source, `it is ${width} x ${rows} px; at least ${4 * reach} x ${fewestRows} are needed`)
  }
  const line = fitLine(
    Float64Array.from({ length: rows }, (_, row) => edgePlace(levels.subarray(row * width, (row + 1) * width))),
  )
  const profile = createProfile()
  for (let row = 0; row < rows; row++) {
    const place = line.at + line.slope * row
    if (place < reach || place > width - 1 - reach) {
      throw refuse(source, `its edge comes closer than ${reach} px to a side; bring it to the middle`)
    }
    for (let column = Math.ceil(place - reach); column <= place + reach; column++) {
      profile.add(column - place, levels[row * width + column]!)
    }
  }
  const points = profile.points()
  const best = leastSquares((shift, sigma) => stepError(points, shift, sigma))
  if (best.step < leastContrast * topLevel) {
    throw refuse(source, `no edge is seen: the sides differ by ${best.step.toFixed(1)} gray levels`)
  }
  if (best.sigma >= mostBlurPx) throw refuse(source, `its edge is wider than ${mostBlurPx} px; focus first`)
  return Math.sqrt(Math.max(0, best.sigma ** 2 - 1 / 12))
}

/** Centre of gravity of a row's steps around its steepest one. */
function edgePlace(row: Uint8Array | Uint16Array): number {
  let steepest = 4
  const slope = (column: number) => Math.abs(row[column + 2]! + row[column + 1]! - row[column - 1]! - row[column - 2]!)
  for (let column = 4; column < row.length - 4; column++) if (slope(column) > slope(steepest)) steepest = column
  let weight = 0
  let moment = 0
  for (let column = Math.max(2, steepest - 4); column <= Math.min(row.length - 3, steepest + 4); column++) {
    weight += slope(column)
    moment += slope(column) * column
  }
  return weight === 0 ? steepest : moment / weight
}

function fitLine(places: Float64Array): { readonly at: number; readonly slope: number } {
  const middle = (places.length - 1) / 2
  const mean = places.reduce((sum, place) => sum + place, 0) / places.length
  let covariance = 0
  let spread = 0
  places.forEach((place, row) => {
    covariance += (row - middle) * (place - mean)
    spread += (row - middle) ** 2
  })
  const slope = covariance / spread
  return { at: mean - slope * middle, slope }
}

interface StepFit {
  readonly error: number
  readonly step: number
}

/** Mean level of the pixels at one distance from the edge. */
interface ProfilePoint {
  readonly offset: number
  readonly level: number
  readonly count: number
}

const pointsPerPx = 16

/** Gathers pixels by their distance from the edge, a sixteenth of a pixel a point. */
function createProfile() {
  const size = 2 * reach * pointsPerPx + 1
  const [counts, offsets, levels] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)]
  return {
    add(offset: number, level: number) {
      const at = Math.round((offset + reach) * pointsPerPx)
      counts[at]!++
      offsets[at]! += offset
      levels[at]! += level
    },
    points: (): ProfilePoint[] =>
      Array.from(counts, (count, at) => ({ count, offset: offsets[at]! / count, level: levels[at]! / count })).filter(
        ({ count }) => count > 0,
      ),
  }
}

/** Least squares of low and high for a given place and width. */
function stepError(points: readonly ProfilePoint[], shift: number, sigma: number): StepFit {
  let [n, s, ss, v, vs, vv] = [0, 0, 0, 0, 0, 0]
  for (const { offset, level, count } of points) {
    const share = normalProbability((offset - shift) / sigma)
    n += count
    s += count * share
    ss += count * share * share
    v += count * level
    vs += count * level * share
    vv += count * level * level
  }
  const step = (n * vs - s * v) / (n * ss - s * s)
  const low = (v - step * s) / n
  return { error: vv - low * v - step * vs, step: Math.abs(step) }
}

/** The best place and width, by a grid that is refined around its best point. */
function leastSquares(fit: (shift: number, sigma: number) => StepFit) {
  let best = { shift: 0, sigma: 1, step: 0, error: Number.POSITIVE_INFINITY }
  let spread = { shift: 1.5, sigma: 2.4 }
  for (let round = 0; round < 6; round++) {
    const centre = best
    for (let i = -3; i <= 3; i++) {
      for (let k = -3; k <= 3; k++) {
        const shift = centre.shift + (i * spread.shift) / 3
        const sigma = Math.max(0.3, Math.min(mostBlurPx, centre.sigma + (k * spread.sigma) / 3))
        const found = fit(shift, sigma)
        if (found.error < best.error) best = { shift, sigma, ...found }
      }
    }
    spread = { shift: spread.shift / 2.5, sigma: spread.sigma / 2.5 }
  }
  return best
}

function refuse(source: string, what: string): PelletlineError {
  return new PelletlineError(
    'invalid_argument',
    `${source} shows no edge to measure the blur by: ${what}. Give a picture of a sharp edge that runs along the belt, or state the blur by --blur.`,
  )
}
