import type { ModelProto, NodeProto, TensorProto } from '../../gen/third_party/onnx/onnx_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { cropSide } from '../../shared/inspection/crop.ts'
import {
  type AttributeValue,
  modelProto,
  nodeProto,
  onnxTypeNumber,
  tensorProto,
  valueInfo,
} from '../../shared/onnx/onnx-proto.ts'
import { type Network, traceNetwork } from '../networks/network.ts'
import type { ConvolutionShape } from '../operators/convolution.ts'
import type { Standardisation } from '../training/train-graph.ts'
import { foldNormalization } from './fold-normalization.ts'
import { toFloat16 } from './to-float16.ts'

export interface InferenceModelOptions {
  readonly standardisation: Standardisation
  /** How weights are stored; float16 halves the file, and the runtime turns them into float32 when it loads it. */
  readonly exportAs: 'float16' | 'float32'
}

/**
 * The model that is served: `pellet` uint8 [N,1,50,50] to `logits` float32 [N,2] (OK, NG), in ordinary ONNX operators.
 * Standardisation is inside, batch normalisation is folded into the convolutions, dropout is gone. `parameters` are the
 * whole ones by name. Every layer's output carries the layer's name.
 */
export function buildInferenceModel(
  network: Network,
  parameters: ReadonlyMap<string, Float32Array>,
  { standardisation, exportAs }: InferenceModelOptions,
): ModelProto {
  const nodes: NodeProto[] = []
  const initializers: TensorProto[] = []
  const real = (name: string, dims: readonly number[], data: Float32Array) => {
    initializers.push(tensorProto(name, 'float32', dims, data))
    return name
  }
  const weights = (name: string, dims: readonly number[], data: Float32Array) => {
    if (exportAs === 'float32') return real(name, dims, data)
    initializers.push(tensorProto(`${name}.half`, 'float16', dims, toFloat16(data)))
    nodes.push(nodeProto('Cast', [`${name}.half`], [name], { to: onnxTypeNumber.float32 }))
    return name
  }
  const node = (
    op: string,
    inputs: readonly string[],
    output: string,
    attributes: Record<string, AttributeValue> = {},
  ) => {
    nodes.push(nodeProto(op, inputs, [output], attributes))
    return output
  }
  const parameter = (name: string) => {
    const found = parameters.get(name)
    if (found === undefined) throw new PelletlineError('internal', `parameter ${name} is missing`)
    return found
  }
  const window = ({ kernel, stride, padding }: ConvolutionShape) => ({
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
  })
  const activate = (from: string, slope: number, to: string) =>
    slope === 0 ? node('Relu', [from], to) : node('LeakyRelu', [from], to, { alpha: { float: slope } })

  node('Cast', ['pellet'], 'gray', { to: onnxTypeNumber.float32 })
  node('Sub', ['gray', real('mean', [], Float32Array.of(standardisation.mean))], 'centred')
  node('Mul', ['centred', real('inverseDeviation', [], Float32Array.of(1 / standardisation.deviation))], 'standardised')

  const outputs = new Map<string, string>()
  let last = 'standardised'
  for (const { layer, input, from } of traceNetwork(network)) {
    const x = from === undefined ? 'standardised' : outputs.get(from)!
    const { name } = layer
    switch (layer.kind) {
      case 'convolution': {
        const folded = foldNormalization(layer, input.channels, parameters)
        const dims = [layer.channels, input.channels, layer.kernel, layer.kernel]
        const stages: ((source: string, target: string) => string)[] = [
          (source, target) =>
            node(
              'Conv',
              [
                source,
                weights(`${name}.weights`, dims, folded.weights),
                real(`${name}.bias`, [layer.channels], folded.bias),
              ],
              target,
              window(layer),
            ),
        ]
        const { pool, shortcut, slope } = layer
        if (pool !== undefined) stages.push((source, target) => node('MaxPool', [source], target, window(pool)))
        if (shortcut !== undefined) {
          stages.push((source, target) => node('Add', [source, outputs.get(shortcut)!], target))
        }
        if (slope !== undefined) stages.push((source, target) => activate(source, slope, target))
        last = stages.reduce((source, stage, i) => stage(source, i === stages.length - 1 ? name : `${name}.${i}`), x)
        break
      }
      case 'maxPool':
        last = node('MaxPool', [x], name, window(layer))
        break
      case 'globalAveragePool':
        node('GlobalAveragePool', [x], `${name}.map`)
        last = node('Flatten', [`${name}.map`], name, { axis: 1 })
        break
      case 'dropout':
        last = x
        break
      case 'dense': {
        const matrix = weights(`${name}.weights`, [input.channels, layer.units], parameter(`${name}.weights`))
        const bias = real(`${name}.bias`, [layer.units], parameter(`${name}.bias`))
        const product = layer.slope === undefined ? name : `${name}.0`
        node('Gemm', [x, matrix, bias], product)
        last = layer.slope === undefined ? product : activate(product, layer.slope, name)
        break
      }
      default:
        layer satisfies never
    }
    outputs.set(name, last)
  }
  if (last !== 'logits') node('Identity', [last], 'logits')
  return modelProto({
    name: network.name,
    node: nodes,
    initializer: initializers,
    input: [valueInfo('pellet', 'uint8', ['N', 1, cropSide, cropSide])],
    output: [valueInfo('logits', 'float32', ['N', 2])],
  })
}
