import type { ConvolutionShape } from '../operators/convolution.ts'
import type { Layer, Network } from './network.ts'

const three = (stride: number): ConvolutionShape => ({ kernel: 3, stride, padding: 1 })

/** A basic block (He et al., 2016): two 3x3 convolutions; where the size changes the shortcut is a 1x1 convolution. */
function basicBlock(name: string, from: string, channels: number, stride: number): Layer[] {
  const projected = stride > 1
  return [
    ...(projected
      ? [{ kind: 'convolution', name: `${name}.shortcut`, from, channels, kernel: 1, stride, padding: 0 } as const]
      : []),
    { kind: 'convolution', name: `${name}.first`, from, channels, ...three(stride), slope: 0 },
    {
      kind: 'convolution',
      name: `${name}.second`,
      channels,
      ...three(1),
      slope: 0,
      shortcut: projected ? `${name}.shortcut` : from,
    },
  ]
}

export interface ResNet18Options {
  /** Channels of the four stages. */
  readonly widths?: readonly [number, number, number, number]
  readonly dropout?: number
}

/**
 * ResNet-18 (He et al., 2016) for one gray channel and two classes, with the standard stem: 7x7 of stride 2 and a 3x3
 * max-pool of stride 2. Maps are 25, 13, 7, 4 and 2 pixels wide.
 */
export function resnet18Network({ widths = [64, 128, 256, 512], dropout = 0.2 }: ResNet18Options = {}): Network {
  const layers: Layer[] = [
    { kind: 'convolution', name: 'stem', channels: widths[0], kernel: 7, stride: 2, padding: 3, slope: 0 },
    { kind: 'maxPool', name: 'stemPool', kernel: 3, stride: 2, padding: 1 },
  ]
  for (const [stage, channels] of widths.entries()) {
    for (const block of [1, 2]) {
      const name = `stage${stage + 1}.block${block}`
      layers.push(...basicBlock(name, layers.at(-1)!.name, channels, stage > 0 && block === 1 ? 2 : 1))
    }
  }
  return {
    name: 'resnet18',
    layers: [
      ...layers,
      { kind: 'globalAveragePool', name: 'average' },
      { kind: 'dropout', name: 'dropout', rate: dropout },
      { kind: 'dense', name: 'logits', units: 2 },
    ],
  }
}
