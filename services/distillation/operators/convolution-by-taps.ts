import { type Graph, record, type Tensor } from '../graph/graph.ts'
import { matrixProduct, pad, reshape, slice, sumOf } from '../graph/primitives.ts'
import type { ConvolutionShape } from './convolution.ts'
import { mapShape, relayout } from './feature-map.ts'

/** Where one tap of a "same" kernel meets pixels of the map: the rectangle it reads and the one it writes, on one axis. */
interface TapSpan {
  readonly read: number
  readonly write: number
  readonly length: number
}

function tapSpan(offset: number, size: number): TapSpan {
  return { read: Math.max(offset, 0), write: Math.max(-offset, 0), length: size - Math.abs(offset) }
}

/**
 * Convolution of a small map (stride 1, output of the input's size) as one matrix product per tap over just the pixels
 * that the tap meets: of a 3x3 kernel on a 3x3 map 49 of 81 products are left. `weights[tap]` is [inChannels, outChannels].
 */
export function convolveByTaps(
  graph: Graph,
  map: Tensor,
  weights: readonly Tensor[],
  { kernel, padding }: ConvolutionShape,
): Tensor {
  const { batch, channels, height, width } = mapShape(map)
  const pixels = relayout(graph, map, channels)
  const outChannels = weights[0]!.dims[1]!
  const taps = weights.map((weight, i) => ({
    weight,
    row: tapSpan(Math.floor(i / kernel) - padding, height),
    column: tapSpan((i % kernel) - padding, width),
  }))
  type Tap = (typeof taps)[number]
  const take = (source: Tensor, { row, column }: Tap, from: 'read' | 'write') => {
    const part = slice(graph, source, [
      { axis: 2, start: row[from], end: row[from] + row.length },
      { axis: 3, start: column[from], end: column[from] + column.length },
    ])
    return reshape(graph, part, [batch * row.length * column.length, source.dims[4]!])
  }
  const place = (rows: Tensor, { row, column }: Tap, to: 'read' | 'write') =>
    pad(graph, reshape(graph, rows, [batch, 1, row.length, column.length, rows.dims[1]!]), [
      { axis: 2, before: row[to], after: height - row[to] - row.length },
      { axis: 3, before: column[to], after: width - column[to] - column.length },
    ])
  const met = taps.filter(({ row, column }) => row.length > 0 && column.length > 0)
  const views = new Map(met.map((tap) => [tap, take(pixels, tap, 'read')]))
  const output = sumOf(
    graph,
    met.map((tap) => place(matrixProduct(graph, views.get(tap)!, tap.weight), tap, 'write')),
  )
  return record(graph, output, [pixels, ...weights], (outputGradient, [needsMap]) => {
    const gradient = relayout(graph, outputGradient, outChannels)
    const gradients = new Map(met.map((tap) => [tap, take(gradient, tap, 'write')]))
    const weightGradients = taps.map((tap) => {
      const view = views.get(tap)
      return view && matrixProduct(graph, view, gradients.get(tap)!, { transposeA: true })
    })
    if (!needsMap) return [undefined, ...weightGradients]
    const mapGradient = sumOf(
      graph,
      met.map((tap) => place(matrixProduct(graph, gradients.get(tap)!, tap.weight, { transposeB: true }), tap, 'read')),
    )
    return [mapGradient, ...weightGradients]
  })
}
