import { leakySlope } from '../operators/activation.ts'
import type { ConvolutionShape } from '../operators/convolution.ts'
import type { Layer, Network } from './network.ts'

const halve: ConvolutionShape = { kernel: 2, stride: 2, padding: 0 }
const three: ConvolutionShape = { kernel: 3, stride: 1, padding: 1 }

/** A residual block of two 3x3 convolutions around a shortcut. */
function residualBlock(name: string, channels: number, shortcut: string): Layer[] {
  return [
    { kind: 'convolution', name: `${name}.first`, channels, ...three, slope: leakySlope },
    { kind: 'convolution', name: `${name}.second`, channels, ...three, slope: leakySlope, shortcut },
  ]
}

export interface StudentOptions {
  /** Channels at 50, 25 and 12, 6, and 3 pixels. */
  readonly widths?: readonly [number, number, number, number]
  /** Units of the first fully connected layer. */
  readonly hidden?: number
  readonly dropout?: number
}

/**
 * The student: ten 3x3 convolutions (two stems, two widening ones and three residual blocks of two), four 2x2 max-pools,
 * global average pooling and two fully connected layers. The width sits where the maps are small, so that 6.4 M
 * parameters cost 74 M multiply-adds.
 *
 * | pixels | layers |
 * |---|---|
 * | 50 | stem1 1 -> 16, pool |
 * | 25 | stem2 16 -> 48, pool |
 * | 12 | block1 (2 convolutions, 48), pool |
 * | 6 | widen2 48 -> 112, block2 (2, 112), pool |
 * | 3 | widen3 112 -> 544, block3 (2, 544), global average, 544 -> 320 -> 2 |
 */
export function studentNetwork(options: StudentOptions = {}): Network {
  const { widths = [16, 48, 112, 544], hidden = 320, dropout = 0.3 } = options
  const [first, second, third, fourth] = widths
  return {
    name: 'student',
    layers: [
      { kind: 'convolution', name: 'stem1', channels: first, ...three, pool: halve, slope: leakySlope },
      { kind: 'convolution', name: 'stem2', channels: second, ...three, pool: halve, slope: leakySlope },
      ...residualBlock('block1', second, 'stem2'),
      { kind: 'maxPool', name: 'pool3', ...halve },
      { kind: 'convolution', name: 'widen2', channels: third, ...three, slope: leakySlope },
      ...residualBlock('block2', third, 'widen2'),
      { kind: 'maxPool', name: 'pool4', ...halve },
      { kind: 'convolution', name: 'widen3', channels: fourth, ...three, slope: leakySlope },
      ...residualBlock('block3', fourth, 'widen3'),
      { kind: 'globalAveragePool', name: 'average' },
      { kind: 'dropout', name: 'dropout1', rate: dropout },
      { kind: 'dense', name: 'hidden', units: hidden, slope: leakySlope },
      { kind: 'dropout', name: 'dropout2', rate: dropout },
      { kind: 'dense', name: 'logits', units: 2 },
    ],
  }
}
