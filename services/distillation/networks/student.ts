import { leakySlope } from '../operators/activation.ts'
import type { ConvolutionShape } from '../operators/convolution.ts'
import type { Layer, Network } from './network.ts'

const halve: ConvolutionShape = { kernel: 2, stride: 2, padding: 0 }
const three: ConvolutionShape = { kernel: 3, stride: 1, padding: 1 }

/** What a residual block is made of: two 3x3 convolutions, or 1x1, 3x3, 1x1 with a width of its own in the middle. */
export const studentBlocks = ['3x3-3x3', '1x1-3x3-1x1'] as const

export type StudentBlock = (typeof studentBlocks)[number]

export interface StudentOptions {
  readonly block?: StudentBlock
  /** Channels of the four widths in the tables below. */
  readonly widths?: readonly [number, number, number, number]
  /** Units of the first fully connected layer. */
  readonly hidden?: number
  readonly dropout?: number
}

/**
 * The student: ten convolutions, four 2x2 max-pools, three residual blocks, global average pooling and two fully connected
 * layers. The width sits where the maps are small, so that 6.4 M parameters cost 74 M multiply-adds. The paper does not say
 * which convolutions make ten; two readings fit, and both can be trained.
 *
 * With blocks of two 3x3 (two stems, two that widen, three blocks of two; widths 16, 48, 112, 544):
 *
 * | pixels | layers |
 * |---|---|
 * | 50 | stem1 1 -> 16, pool |
 * | 25 | stem2 16 -> 48, pool |
 * | 12 | block1 (48), pool |
 * | 6 | widen2 48 -> 112, block2 (112), pool |
 * | 3 | widen3 112 -> 544, block3 (544), global average, 544 -> 320 -> 2 |
 *
 * With blocks of 1x1, 3x3, 1x1 (one stem, three blocks of three; widths 128 and 32, 64, 816 in the blocks' middles):
 *
 * | pixels | layers |
 * |---|---|
 * | 50 | stem 1 -> 128, pool |
 * | 25 | block1 (128, 32, 128), pool |
 * | 12 | block2 (128, 64, 128), pool |
 * | 6 | pool |
 * | 3 | block3 (128, 816, 128), global average, 128 -> 320 -> 2 |
 */
export function studentNetwork({ block = '3x3-3x3', ...options }: StudentOptions = {}): Network {
  return block === '3x3-3x3' ? studentOfPairs(options) : studentOfBottlenecks(options)
}

function studentOfPairs(options: StudentOptions): Network {
  const { widths = [16, 48, 112, 544] } = options
  const [first, second, third, fourth] = widths
  const pair = (name: string, channels: number, shortcut: string): Layer[] => [
    { kind: 'convolution', name: `${name}.first`, channels, ...three, slope: leakySlope },
    { kind: 'convolution', name: `${name}.second`, channels, ...three, slope: leakySlope, shortcut },
  ]
  return {
    name: 'student',
    layers: [
      { kind: 'convolution', name: 'stem1', channels: first, ...three, pool: halve, slope: leakySlope },
      { kind: 'convolution', name: 'stem2', channels: second, ...three, pool: halve, slope: leakySlope },
      ...pair('block1', second, 'stem2'),
      { kind: 'maxPool', name: 'pool3', ...halve },
      { kind: 'convolution', name: 'widen2', channels: third, ...three, slope: leakySlope },
      ...pair('block2', third, 'widen2'),
      { kind: 'maxPool', name: 'pool4', ...halve },
      { kind: 'convolution', name: 'widen3', channels: fourth, ...three, slope: leakySlope },
      ...pair('block3', fourth, 'widen3'),
      ...head(options),
    ],
  }
}

function studentOfBottlenecks(options: StudentOptions): Network {
  const { widths = [128, 32, 64, 816] } = options
  const [outer, first, second, third] = widths
  const one: ConvolutionShape = { kernel: 1, stride: 1, padding: 0 }
  const bottleneck = (name: string, middle: number, shortcut: string): Layer[] => [
    { kind: 'convolution', name: `${name}.first`, channels: middle, ...one, slope: leakySlope },
    { kind: 'convolution', name: `${name}.second`, channels: middle, ...three, slope: leakySlope },
    { kind: 'convolution', name: `${name}.third`, channels: outer, ...one, slope: leakySlope, shortcut },
  ]
  return {
    name: 'student',
    layers: [
      { kind: 'convolution', name: 'stem', channels: outer, ...three, pool: halve, slope: leakySlope },
      ...bottleneck('block1', first, 'stem'),
      { kind: 'maxPool', name: 'pool2', ...halve },
      ...bottleneck('block2', second, 'pool2'),
      { kind: 'maxPool', name: 'pool3', ...halve },
      { kind: 'maxPool', name: 'pool4', ...halve },
      ...bottleneck('block3', third, 'pool4'),
      ...head(options),
    ],
  }
}

function head({ hidden = 320, dropout = 0.3 }: StudentOptions): Layer[] {
  return [
    { kind: 'globalAveragePool', name: 'average' },
    { kind: 'dropout', name: 'dropout1', rate: dropout },
    { kind: 'dense', name: 'hidden', units: hidden, slope: leakySlope },
    { kind: 'dropout', name: 'dropout2', rate: dropout },
    { kind: 'dense', name: 'logits', units: 2 },
  ]
}
