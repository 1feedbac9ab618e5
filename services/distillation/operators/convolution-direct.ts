import { emit, type Graph, record, type Tensor } from '../graph/graph.ts'
import { reshape, reverse, transpose } from '../graph/primitives.ts'
import { type ConvolutionShape, outputSize } from './convolution.ts'
import { mapShape, relayout } from './feature-map.ts'
import { weightGradient } from './weight-gradient.ts'
import { zeroStuff } from './zero-stuff.ts'

/**
 * Convolution by ONNX Runtime's direct kernel (its own `com.microsoft.nchwc` nodes, which also take weights that change
 * at every step), or by the ordinary Conv in NCHW where the backend's block is 1.
 */
export function convolveDirectly(graph: Graph, map: Tensor, matrix: Tensor, shape: ConvolutionShape): Tensor {
  const { blockSize } = graph.backend
  const { channels, height, width } = mapShape(map)
  const outChannels = matrix.dims[1]!
  const inBlock = channels === 1 ? 1 : blockSize
  const blocked = relayout(graph, map, inBlock)
  const { padding, stride } = shape
  const pads = [padding, padding, padding, padding]
  const weights = blockedWeights(graph, matrix, shape.kernel, channels, inBlock, blockSize)
  const output = directKernel(graph, blocked, weights, {
    block: blockSize,
    kernel: shape.kernel,
    stride,
    pads,
    height: outputSize(height, shape),
    width: outputSize(width, shape),
  })
  return record(graph, output, [blocked, matrix], (outputGradient, [needsMap, needsWeights]) => {
    const gradient = relayout(graph, outputGradient, blockSize)
    const mapGradient = needsMap ? inputGradient(graph, gradient, matrix, channels, height, width, shape) : undefined
    const matrixGradient = needsWeights ? weightGradient(graph, blocked, gradient, shape) : undefined
    return [mapGradient, matrixGradient && reshape(graph, matrixGradient, [matrix.dims[0]!, outChannels])]
  })
}

/** Gradient by the input: the output's gradient, spread by the stride, convolved with the kernel turned by 180 degrees. */
function inputGradient(
  graph: Graph,
  gradient: Tensor,
  matrix: Tensor,
  channels: number,
  height: number,
  width: number,
  { kernel, stride, padding }: ConvolutionShape,
): Tensor {
  const out = mapShape(gradient)
  const before = kernel - 1 - padding
  // One channel makes no block: its gradient comes from the ordinary Conv.
  const block = channels === 1 ? 1 : graph.backend.blockSize
  const spread = (size: number, outSize: number) => Math.min(outSize * stride, size - 1 + kernel - before)
  const [tall, wide] = [spread(height, out.height), spread(width, out.width)]
  const weights = turnedWeights(graph, matrix, kernel, channels, block)
  const pads = [before, before, height - 1 + kernel - before - tall, width - 1 + kernel - before - wide]
  const stuffed = zeroStuff(graph, relayout(graph, gradient, block), stride, tall, wide)
  return directKernel(graph, stuffed, weights, { block, kernel, stride: 1, pads, height, width })
}

interface KernelOptions {
  /** Channels per block of the output. */
  readonly block: number
  readonly kernel: number
  readonly stride: number
  /** Rows and columns of zeros: top, left, bottom, right. */
  readonly pads: readonly number[]
  readonly height: number
  readonly width: number
}

function directKernel(graph: Graph, map: Tensor, weights: Tensor, options: KernelOptions): Tensor {
  const { batch, channels, height, width } = mapShape(map)
  const outChannels = weights.dims[0]!
  const { block, kernel, stride } = options
  const output = emit(
    graph,
    'Conv',
    [reshape(graph, map, [batch, channels, height, width]), weights],
    [batch, outChannels, options.height, options.width],
    {
      attributes: { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: options.pads },
      domain: block === 1 ? '' : 'com.microsoft.nchwc',
    },
  )
  return reshape(graph, output, [batch, outChannels / block, options.height, options.width, block])
}

/** The weight matrix in the kernel's order: per block of output and of input channels the taps. */
function blockedWeights(
  graph: Graph,
  matrix: Tensor,
  kernel: number,
  channels: number,
  inBlock: number,
  outBlock: number,
): Tensor {
  const taps = tapBlocks(graph, matrix, kernel, channels, inBlock, outBlock)
  const dims = [matrix.dims[1]!, channels, kernel, kernel]
  return reshape(graph, transpose(graph, taps, [4, 2, 0, 1, 3, 5]), dims)
}

/** The weights of the backward pass: taps in reverse order, inputs and outputs exchanged. */
function turnedWeights(graph: Graph, matrix: Tensor, kernel: number, channels: number, block: number): Tensor {
  const taps = tapBlocks(graph, matrix, kernel, channels, block, block)
  const turned = kernel === 1 ? taps : reverse(graph, taps, [0, 1])
  const dims = [channels, matrix.dims[1]!, kernel, kernel]
  return reshape(graph, transpose(graph, turned, [2, 4, 0, 1, 5, 3]), dims)
}

/** [kernel, kernel, in groups, in block, out groups, out block] */
function tapBlocks(
  graph: Graph,
  matrix: Tensor,
  kernel: number,
  channels: number,
  inBlock: number,
  outBlock: number,
): Tensor {
  const outGroups = matrix.dims[1]! / outBlock
  return reshape(graph, matrix, [kernel, kernel, channels / inBlock, inBlock, outGroups, outBlock])
}
