import { type Graph, memoize, reals, record, type Tensor } from '../graph/graph.ts'
import {
  batchedInnerProduct,
  batchedOuterProduct,
  batchedProduct,
  matrixProduct,
  reshape,
  transpose,
} from '../graph/primitives.ts'
import { mapShape, relayout } from './feature-map.ts'
import { type MapTransforms, type Matrix, mapTransforms, minimalFilter, transposed } from './winograd-transforms.ts'

/**
 * Convolution 3x3 of stride 1 with one row of zeros around by minimal filtering (Lavin and Gray, 2016): whole maps are
 * transformed by one matrix product, multiplied channel by channel at each frequency, and transformed back. In tiles of 3
 * that takes 100 products instead of 324 on a 6x6 map. The gradients take as few: they are the transposed products.
 */
export function convolveByWinograd(graph: Graph, map: Tensor, matrix: Tensor, tile: number): Tensor {
  const { batch, channels, height, width } = mapShape(map)
  const pixels = relayout(graph, map, channels)
  const outChannels = matrix.dims[1]!
  const filter = mapTransforms(height, width, minimalFilter(tile))
  const { frequencies, tiles } = filter
  const use = (name: Exclude<keyof MapTransforms, 'frequencies' | 'tiles'>, turned: boolean) =>
    memoize(graph, `winograd ${name} ${turned} ${height} ${width} ${tile}`, () =>
      matrixConstant(graph, turned ? transposed(filter[name]) : filter[name]),
    )
  const spatial = (x: Tensor, count: number) => pixelMajor(graph, x, batch, height * width, count)
  const placed = (x: Tensor, count: number) => imageMajor(graph, x, batch, height, width, count)
  const products = (x: Tensor, count: number) => reshape(graph, x, [frequencies, tiles * batch, count])
  const flat = (x: Tensor, count: number) => reshape(graph, x, [frequencies * tiles, batch * count])

  const data = products(matrixProduct(graph, use('input', false), spatial(pixels, channels)), channels)
  const kernels = reshape(
    graph,
    matrixProduct(graph, use('kernel', false), reshape(graph, matrix, [9, channels * outChannels])),
    [frequencies, channels, outChannels],
  )
  const multiplied = flat(batchedProduct(graph, data, kernels), outChannels)
  const output = placed(matrixProduct(graph, use('inverse', false), multiplied), outChannels)
  return record(graph, output, [pixels, matrix], (outputGradient, [needsMap, needsWeights]) => {
    const rows = spatial(relayout(graph, outputGradient, outChannels), outChannels)
    const gradient = products(matrixProduct(graph, use('inverse', true), rows), outChannels)
    const mapGradient = () => {
      const dataGradient = flat(batchedOuterProduct(graph, gradient, kernels), channels)
      return placed(matrixProduct(graph, use('input', true), dataGradient), channels)
    }
    const weightGradient = () => {
      const kernelGradient = reshape(graph, batchedInnerProduct(graph, data, gradient), [
        frequencies,
        channels * outChannels,
      ])
      return reshape(graph, matrixProduct(graph, use('kernel', true), kernelGradient), matrix.dims)
    }
    return [needsMap ? mapGradient() : undefined, needsWeights ? weightGradient() : undefined]
  })
}

/** [batch, 1, height, width, channels] to [pixels, batch * channels] */
function pixelMajor(graph: Graph, map: Tensor, batch: number, pixels: number, channels: number): Tensor {
  const images = reshape(graph, map, [batch, pixels, channels])
  return reshape(graph, transpose(graph, images, [1, 0, 2]), [pixels, batch * channels])
}

/** [pixels, batch * channels] to [batch, 1, height, width, channels] */
function imageMajor(
  graph: Graph,
  rows: Tensor,
  batch: number,
  height: number,
  width: number,
  channels: number,
): Tensor {
  const images = transpose(graph, reshape(graph, rows, [height * width, batch, channels]), [1, 0, 2])
  return reshape(graph, images, [batch, 1, height, width, channels])
}

function matrixConstant(graph: Graph, { rows, columns, values }: Matrix): Tensor {
  return reals(graph, [rows, columns], values)
}

/**
 * The tile that takes the fewest multiply-adds, transforms included, or undefined where that is not clearly fewer than
 * the `9 * height * width` products per pair of channels of a plain convolution.
 */
export function winogradTile(
  { batch, channels, height, width }: { batch: number; channels: number; height: number; width: number },
  outChannels: number,
): number | undefined {
  const pixels = height * width
  const costOf = (tile: number) => {
    const frequencies = (tile + 2) ** 2
    const products = frequencies * Math.ceil(height / tile) * Math.ceil(width / tile)
    return (
      products * channels * outChannels +
      products * pixels * (channels + outChannels) +
      (2 * frequencies * 9 * channels * outChannels) / batch
    )
  }
  const best = [2, 3, 4].toSorted((a, b) => costOf(a) - costOf(b))[0]!
  return costOf(best) < largestShare * 9 * pixels * channels * outChannels ? best : undefined
}

/** What the transforms may leave of a plain convolution's multiply-adds, since they also move more memory. */
const largestShare = 0.75
