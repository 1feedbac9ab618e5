/** What the rows of a reference say about each column; levels are raw gray levels. */
export interface ColumnMeasures {
  readonly rows: number
  readonly mean: Float64Array
  /** Variance over all rows. */
  readonly variance: Float64Array
  /** Variance from one row to the next, what all columns share (a flickering lamp) taken out: noise alone. */
  readonly noiseVariance: Float64Array
  /** Share of the rows at the highest level, 0..1. */
  readonly saturated: Float64Array
}

/** A reference as measured, and how messages name it. */
export interface ReferenceMeasures extends ColumnMeasures {
  readonly source: string
  readonly width: number
  readonly bitDepth: 8 | 10 | 12
}

/** Gathers the columns of a reference from rows as they come; its memory follows the width alone. */
export interface ColumnMeasurer {
  /** Takes whole rows of raw pixels. */
  add(pixels: Uint8Array | Uint16Array): void
  measures(): ColumnMeasures
}

/**
 * Creates a measurer. Noise comes from differences of neighbouring rows, so that slow drift is none of it: with d a column's
 * difference and m that of the row's mean, the part of d that follows m is taken out by least squares, and
 * noise variance = (sum d^2 - (sum d m)^2 / sum m^2) / (2 (rows - 1)).
 */
export function createColumnMeasurer(width: number, topLevel: number): ColumnMeasurer {
  const sum = new Float64Array(width)
  const squares = new Float64Array(width)
  const steps = new Float64Array(width)
  const stepsWithRow = new Float64Array(width)
  const atTop = new Float64Array(width)
  const last = new Float64Array(width)
  let rowSteps = 0
  let lastMean = 0
  let rows = 0

  function addRow(pixels: Uint8Array | Uint16Array, start: number): void {
    let total = 0
    for (let column = 0; column < width; column++) total += pixels[start + column]!
    const mean = total / width
    const rowStep = mean - lastMean
    for (let column = 0; column < width; column++) {
      const level = pixels[start + column]!
      sum[column]! += level
      squares[column]! += level * level
      if (level >= topLevel) atTop[column]!++
      if (rows > 0) {
        const step = level - last[column]!
        steps[column]! += step * step
        stepsWithRow[column]! += step * rowStep
      }
      last[column] = level
    }
    if (rows > 0) rowSteps += rowStep * rowStep
    lastMean = mean
    rows++
  }

  return {
    add(pixels) {
      for (let start = 0; start < pixels.length; start += width) addRow(pixels, start)
    },
    measures() {
      const count = Math.max(1, rows)
      const mean = sum.map((total) => total / count)
      return {
        rows,
        mean,
        variance: squares.map((total, column) => Math.max(0, total / count - mean[column]! ** 2)),
        noiseVariance: steps.map((total, column) => {
          const shared = rowSteps === 0 ? 0 : stepsWithRow[column]! ** 2 / rowSteps
          return Math.max(0, total - shared) / (2 * Math.max(1, rows - 1))
        }),
        saturated: atTop.map((times) => times / count),
      }
    },
  }
}
