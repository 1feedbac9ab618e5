/**
 * The three matrices of a minimal filtering algorithm F(m, 3) (Winograd, 1980; Lavin and Gray, 2016): m outputs of a
 * correlation with three taps from n = m + 2 products, output = inverse ((kernel taps) * (input data)), `*` by entries.
 */
export interface MinimalFilter {
  /** m. */
  readonly tile: number
  /** n. */
  readonly products: number
  /** [n][n] */
  readonly input: readonly (readonly number[])[]
  /** [n][3] */
  readonly kernel: readonly (readonly number[])[]
  /** [m][n] */
  readonly inverse: readonly (readonly number[])[]
}

const taps = 3

/** Where the polynomials are evaluated, besides infinity: small and of both signs, which keeps rounding low. */
const points = [0, 1, -1, 0.5, -2]

/** F(m, 3) by Toom and Cook's construction, for a tile of up to 4. */
export function minimalFilter(tile: number): MinimalFilter {
  const products = tile + taps - 1
  const at = points.slice(0, products - 1)
  const others = (k: number) => at.filter((_, l) => l !== k)
  const row = (entries: readonly number[]) => Array.from({ length: products }, (_, i) => entries[i] ?? 0)
  return {
    tile,
    products,
    input: [...at.map((_, k) => row(polynomial(others(k)))), row(polynomial(at))],
    kernel: [
      ...at.map((point, k) => {
        const scale = others(k).reduce((product, other) => product * (point - other), 1)
        return Array.from({ length: taps }, (_, j) => point ** j / scale)
      }),
      [0, 0, 1],
    ],
    inverse: Array.from({ length: tile }, (_, i) => [...at.map((point) => point ** i), i === tile - 1 ? 1 : 0]),
  }
}

/** Coefficients, from the lowest, of the product of (x - root). */
function polynomial(roots: readonly number[]): number[] {
  return roots.reduce(
    (factors, root) =>
      Array.from({ length: factors.length + 1 }, (_, i) => (factors[i - 1] ?? 0) - root * (factors[i] ?? 0)),
    [1],
  )
}

/** A constant matrix, row by row. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly values: Float64Array
}

/** The transforms of whole maps, each as one matrix: products are ordered by frequency, then by tile. */
export interface MapTransforms {
  /** Products of each channel: frequencies times tiles. */
  readonly frequencies: number
  readonly tiles: number
  /** [frequencies * tiles, height * width] */
  readonly input: Matrix
  /** [frequencies, 9] */
  readonly kernel: Matrix
  /** [height * width, frequencies * tiles] */
  readonly inverse: Matrix
}

/** Transforms for a 3x3 kernel on a map with one row of zeros around it, cut into tiles of the filter's size. */
export function mapTransforms(height: number, width: number, filter: MinimalFilter): MapTransforms {
  const { products, tile } = filter
  const [down, across] = [Math.ceil(height / tile), Math.ceil(width / tile)]
  const input = (frequency: number, tileAt: number, pixel: number) =>
    filter.input[frequency]![pixel - tileAt * tile + 1] ?? 0
  const inverse = (frequency: number, tileAt: number, pixel: number) =>
    filter.inverse[pixel - tileAt * tile]?.[frequency] ?? 0
  const frequencies = products ** 2
  const tiles = down * across
  const byPixel = (entry: typeof input) =>
    matrix(frequencies * tiles, height * width, (row, pixel) => {
      const frequency = Math.floor(row / tiles)
      const tileAt = row % tiles
      return (
        entry(Math.floor(frequency / products), Math.floor(tileAt / across), Math.floor(pixel / width)) *
        entry(frequency % products, tileAt % across, pixel % width)
      )
    })
  return {
    frequencies,
    tiles,
    input: byPixel(input),
    kernel: matrix(
      frequencies,
      taps ** 2,
      (frequency, tap) =>
        filter.kernel[Math.floor(frequency / products)]![Math.floor(tap / taps)]! *
        filter.kernel[frequency % products]![tap % taps]!,
    ),
    inverse: transposed(byPixel(inverse)),
  }
}

function matrix(rows: number, columns: number, entry: (row: number, column: number) => number): Matrix {
  const values = Float64Array.from({ length: rows * columns }, (_, i) => entry(Math.floor(i / columns), i % columns))
  return { rows, columns, values }
}

/** The matrix with rows and columns exchanged. */
export function transposed({ rows, columns, values }: Matrix): Matrix {
  return matrix(columns, rows, (row, column) => values[column * columns + row]!)
}
