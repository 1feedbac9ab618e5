import type { ModelProto } from '../../gen/third_party/onnx/onnx_pb.ts'
import { onnxTypeNumber } from '../../shared/onnx/onnx-proto.ts'
import type { Network } from '../networks/network.ts'
import type { Standardisation } from '../training/train-graph.ts'
import { createInferenceGraph, type InferenceGraph, windowAttributes } from './inference-graph.ts'
import { planInference, standardisedCrop, type WeightTensor } from './plan-inference.ts'
import { quantiseWeights } from './quantise-weights.ts'
import { toFloat16 } from './to-float16.ts'

/** How the weights of a model that computes in float32 are stored. */
export type WeightStorage = 'float32' | 'float16' | 'int8Weights'

export interface InferenceModelOptions {
  readonly standardisation: Standardisation
  /**
   * float16 halves the file, int8Weights (bytes with a scale per output channel) quarters it; the runtime turns both into
   * float32 once, when it loads the file.
   */
  readonly exportAs: WeightStorage
  /** Tensors that come out beside the logits, by name. */
  readonly observed?: readonly string[]
}

/**
 * The model that is served, computing in float32: `pellet` uint8 [N,1,50,50] to `logits` float32 [N,2] (OK, NG), in
 * ordinary ONNX operators. Standardisation is inside, batch normalisation is folded into the convolutions, dropout is gone.
 * `parameters` are the whole ones by name. Every layer's output carries the layer's name.
 */
export function buildInferenceModel(
  network: Network,
  parameters: ReadonlyMap<string, Float32Array>,
  { standardisation, exportAs, observed = [] }: InferenceModelOptions,
): ModelProto {
  const graph = createInferenceGraph()
  const { node } = graph
  const real = (name: string, data: Float32Array, dims = [data.length]) => graph.constant(name, 'float32', dims, data)

  node('Cast', ['pellet'], 'gray', { to: onnxTypeNumber.float32 })
  node('Sub', ['gray', real('mean', Float32Array.of(standardisation.mean), [])], 'centred')
  const inverse = real('inverseDeviation', Float32Array.of(1 / standardisation.deviation), [])
  node('Mul', ['centred', inverse], standardisedCrop)

  let last = standardisedCrop
  for (const step of planInference(network, parameters)) {
    const { layer, input, output } = step
    last = output
    switch (step.kind) {
      case 'convolution': {
        const weights = storeWeights[exportAs](graph, `${layer}.weights`, step.weights, 0)
        node('Conv', [input, weights, real(`${layer}.bias`, step.bias)], output, windowAttributes(step.window))
        break
      }
      case 'dense': {
        const weights = storeWeights[exportAs](graph, `${layer}.weights`, step.weights, 1)
        node('Gemm', [input, weights, real(`${layer}.bias`, step.bias)], output)
        break
      }
      case 'maxPool':
        node('MaxPool', [input], output, windowAttributes(step.window))
        break
      case 'add':
        node('Add', [input, step.shortcut], output)
        break
      case 'activation':
        if (step.slope === 0) node('Relu', [input], output)
        else node('LeakyRelu', [input], output, { alpha: { float: step.slope } })
        break
      case 'globalAverage':
        node('Flatten', [node('GlobalAveragePool', [input], `${output}.map`)], output, { axis: 1 })
        break
      default:
        step satisfies never
    }
  }
  return graph.finish(network.name, last, observed)
}

/** Stores a layer's weights, whose output channels lie along `channelAxis`; returns the name of their float32 tensor. */
type StoreWeights = (graph: InferenceGraph, name: string, weights: WeightTensor, channelAxis: 0 | 1) => string

// What turns them into float32 reads constants only, so that the runtime folds it away when it loads the model. It would
// not fold DequantizeLinear, which it keeps for its integer kernels.
const storeWeights: Readonly<Record<WeightStorage, StoreWeights>> = {
  float32: (graph, name, { dims, data }) => graph.constant(name, 'float32', dims, data),
  float16: (graph, name, { dims, data }) => {
    const half = graph.constant(`${name}.half`, 'float16', dims, toFloat16(data))
    return graph.node('Cast', [half], name, { to: onnxTypeNumber.float32 })
  },
  int8Weights: (graph, name, weights, channelAxis) => {
    const { dims, data, scales } = quantiseWeights(weights, channelAxis)
    const bytes = graph.constant(`${name}.bytes`, 'int8', dims, data)
    const steps = graph.node('Cast', [bytes], `${name}.steps`, { to: onnxTypeNumber.float32 })
    const along = dims.map((dim, axis) => (axis === channelAxis ? dim : 1))
    return graph.node('Mul', [steps, graph.constant(`${name}.scales`, 'float32', along, scales)], name)
  },
}
