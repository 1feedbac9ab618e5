import { PelletlineError } from '../errors/pelletline-error.ts'
import { isSaturated, isUnsteady } from './find-bad-columns.ts'
import { medianOf } from './local-median.ts'
import type { ReferenceMeasures } from './measure-columns.ts'

/** Fewest rows of a reference: the mean of a column is then known to a sixteenth of its noise. */
const leastRows = 256
/** A dark reference is at most this share of the range, a light one at least that much above it. */
const mostDark = 0.2
const leastLight = 0.15
/** More columns than this at the highest level are not bad pixels, it is too much light. */
const mostSaturatedShare = 0.005
/** So many neighbouring columns whose rows disagree are no pixels that blink: something lies there. */
const leastProductColumns = 3

export interface References {
  readonly dark: readonly ReferenceMeasures[]
  readonly light: readonly ReferenceMeasures[]
}

/**
 * Throws `invalid_argument` for the first reference that cannot be calibrated with, by its name: of another width or depth,
 * with too few rows, with product on it, saturated, not dark, not light.
 */
export function checkReferences({ dark, light }: References): void {
  const [first] = [...dark, ...light]
  if (first === undefined || dark.length === 0 || light.length === 0) {
    throw refuse('A calibration needs a dark and a light reference; give --dark FILE and --light FILE.')
  }
  for (const reference of [...dark, ...light]) {
    checkShape(reference, first)
    checkRows(reference)
  }
  for (const reference of dark) checkDark(reference)
  for (const reference of light) checkLight(reference, medianOf(dark[0]!.mean))
}

function checkShape({ source, width, bitDepth }: ReferenceMeasures, first: ReferenceMeasures): void {
  if (width !== first.width) {
    throw refuse(
      `${source} is ${width} pixels wide, ${first.source} ${first.width}; take all references with one camera and width.`,
    )
  }
  if (bitDepth !== first.bitDepth) {
    throw refuse(
      `${source} has ${bitDepth} bits a pixel, ${first.source} ${first.bitDepth}; take all references in one format.`,
    )
  }
}

function checkRows(reference: ReferenceMeasures): void {
  const { source, rows, width } = reference
  if (rows < leastRows) {
    throw refuse(`${source} has ${rows} rows; at least ${leastRows} are needed: record longer.`)
  }
  for (let from = 0; from < width; from++) {
    let to = from
    while (to < width && isUnsteady(reference, to)) to++
    if (to - from >= leastProductColumns) {
      throw refuse(
        `${source} changes from row to row in columns ${from} to ${to - 1} by more than noise: product, dust or a mark passed; clear the belt, cover or wipe the target and record again.`,
      )
    }
    from = to
  }
}

function checkDark({ source, mean, bitDepth }: ReferenceMeasures): void {
  const level = medianOf(mean)
  const most = mostDark * (2 ** bitDepth - 1)
  if (level <= most) return
  throw refuse(
    `${source} is at gray ${level.toFixed(1)}, a dark reference at most at ${most.toFixed(0)}: cover the lens and record again.`,
  )
}

function checkLight(reference: ReferenceMeasures, darkLevel: number): void {
  const { source, mean, width, bitDepth } = reference
  const topLevel = 2 ** bitDepth - 1
  let saturated = 0
  for (let column = 0; column < width; column++) if (isSaturated(reference, column)) saturated++
  if (saturated > mostSaturatedShare * width) {
    throw refuse(
      `${source} is saturated: ${saturated} of ${width} columns reach gray ${topLevel}; expose less or take a darker target, so that the brightest column stays below ${Math.round(0.9 * topLevel)}.`,
    )
  }
  const level = medianOf(mean) - darkLevel
  const least = leastLight * topLevel
  if (level < least) {
    throw refuse(
      `${source} is only ${level.toFixed(1)} gray levels above the dark reference, a light one at least ${least.toFixed(0)}: uncover the lens, switch the light on or expose longer.`,
    )
  }
}

function refuse(message: string): PelletlineError {
  return new PelletlineError('invalid_argument', message)
}
