import type { ConvolutionShape } from '../operators/convolution.ts'
import type { ConvolutionLayer, Network } from './network.ts'

const halve: ConvolutionShape = { kernel: 2, stride: 2, padding: 0 }
const three: ConvolutionShape = { kernel: 3, stride: 1, padding: 1 }

/** 3x3 convolutions in each of the five stages (Simonyan and Zisserman, 2015, table 1, columns D and E). */
const depths = { vgg16: [2, 2, 3, 3, 3], vgg19: [2, 2, 4, 4, 4] } as const

export interface VggOptions {
  /** Channels of the first four stages; the fifth has as many as the fourth. */
  readonly widths?: readonly [number, number, number, number]
  /** Units of the fully connected layer of the head. */
  readonly hidden?: number
  readonly dropout?: number
}

/**
 * VGG-16 or VGG-19 for one gray channel and two classes, with batch normalisation. Maps are 50, 25, 12, 6 and 3 pixels
 * wide. The head is small: global average, 512 -> 1280 -> 2 instead of three layers of 4096 (with it the three teachers
 * have 15.74 M parameters on average; the paper has 15.76 M). The last convolution of a stage pools before it normalises:
 * with ReLU that is the same family of functions, and what follows costs a quarter.
 */
export function vggNetwork(name: keyof typeof depths, options: VggOptions = {}): Network {
  const { widths = [64, 128, 256, 512], hidden = 1280, dropout = 0.5 } = options
  const convolutions = depths[name].flatMap((depth, stage) =>
    Array.from({ length: depth }, (_, i): ConvolutionLayer => {
      const channels = widths[Math.min(stage, widths.length - 1)]!
      const layer = { kind: 'convolution', name: `stage${stage + 1}.${i + 1}`, channels, ...three, slope: 0 } as const
      return i === depth - 1 ? { ...layer, pool: halve } : layer
    }),
  )
  return {
    name,
    layers: [
      ...convolutions,
      { kind: 'globalAveragePool', name: 'average' },
      { kind: 'dropout', name: 'dropout1', rate: dropout },
      { kind: 'dense', name: 'hidden', units: hidden, slope: 0 },
      { kind: 'dropout', name: 'dropout2', rate: dropout },
      { kind: 'dense', name: 'logits', units: 2 },
    ],
  }
}
