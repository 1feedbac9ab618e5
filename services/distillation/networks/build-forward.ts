import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { Graph, Tensor } from '../graph/graph.ts'
import { leakyRelu } from '../operators/activation.ts'
import { type BatchNormalization, normalizeBatch, normalizeByRunning } from '../operators/batch-normalization.ts'
import { convolve } from '../operators/convolution.ts'
import { dense } from '../operators/dense.ts'
import { dropout } from '../operators/dropout.ts'
import { globalAveragePool } from '../operators/global-average-pool.ts'
import { maxPool } from '../operators/max-pool.ts'
import { addShortcut } from '../operators/residual.ts'
import { type ConvolutionLayer, type Network, traceNetwork } from './network.ts'

/** A network's tensors by parameter name; convolution weights in as many parts as their spec says. */
export type ParameterTensors = ReadonlyMap<string, readonly Tensor[]>

export type ForwardMode =
  /** Batch statistics (handed to `onStatistics` for the running ones) and dropout by masks, [batch, channels] per layer. */
  | {
      readonly kind: 'train'
      readonly masks: ReadonlyMap<string, Tensor>
      readonly onStatistics: (layer: string, statistics: BatchNormalization) => void
    }
  /** Running statistics, no dropout. */
  | { readonly kind: 'evaluate' }

/** Emits a network's forward pass on standardised images, a feature map [batch, 1, side, side, 1]: logits, [batch, 2]. */
export function buildForward(
  graph: Graph,
  network: Network,
  images: Tensor,
  parameters: ParameterTensors,
  mode: ForwardMode,
): Tensor {
  const outputs = new Map<string, Tensor>()
  const find = (name: string): readonly Tensor[] => {
    const found = parameters.get(name)
    if (found === undefined) throw new PelletlineError('internal', `${network.name}: parameter ${name} is missing`)
    return found
  }
  const convolution = (layer: ConvolutionLayer, x: Tensor) => {
    const convolved = convolve(graph, x, find(`${layer.name}.weights`), layer)
    const map = layer.pool === undefined ? convolved : maxPool(graph, convolved, layer.pool)
    const gain = layer.pool === undefined ? find(`${layer.name}.gain`)[0] : undefined
    const shift = find(`${layer.name}.shift`)[0]!
    const normalized = (() => {
      if (mode.kind === 'train') {
        const statistics = normalizeBatch(graph, map, gain, shift)
        mode.onStatistics(layer.name, statistics)
        return statistics.output
      }
      const mean = find(`${layer.name}.mean`)[0]!
      return normalizeByRunning(graph, map, gain, shift, { mean, variance: find(`${layer.name}.variance`)[0]! })
    })()
    const summed =
      layer.shortcut === undefined ? normalized : addShortcut(graph, normalized, outputs.get(layer.shortcut)!)
    return layer.slope === undefined ? summed : leakyRelu(graph, summed, layer.slope)
  }
  let last = images
  for (const { layer, from } of traceNetwork(network, images.dims[2])) {
    const x = from === undefined ? images : outputs.get(from)!
    switch (layer.kind) {
      case 'convolution':
        last = convolution(layer, x)
        break
      case 'maxPool':
        last = maxPool(graph, x, layer)
        break
      case 'globalAveragePool':
        last = globalAveragePool(graph, x)
        break
      case 'dropout':
        last = mode.kind === 'train' && layer.rate > 0 ? dropout(graph, x, mode.masks.get(layer.name)!) : x
        break
      case 'dense': {
        const product = dense(graph, x, find(`${layer.name}.weights`)[0]!, find(`${layer.name}.bias`)[0]!)
        last = layer.slope === undefined ? product : leakyRelu(graph, product, layer.slope)
        break
      }
      default:
        layer satisfies never
    }
    outputs.set(layer.name, last)
  }
  return last
}
