import type { ModelProto, NodeProto, TensorProto } from '../../../gen/third_party/onnx/onnx_pb.ts'
import { cropSide } from '../../inspection/crop.ts'
import {
  type AttributeValue,
  modelProto,
  nodeProto,
  type OnnxType,
  onnxTypeNumber,
  type TensorData,
  tensorProto,
  valueInfo,
} from '../../onnx/onnx-proto.ts'
import { createUniform } from './check-gradients.ts'

/** Writes a small served model by hand. */
export function startModel(seed: number) {
  const nodes: NodeProto[] = []
  const initializers: TensorProto[] = []
  const uniform = createUniform(seed)
  const node = (
    op: string,
    inputs: readonly string[],
    output: string,
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ) => {
    nodes.push(nodeProto(op, inputs, [output], attributes))
    return output
  }
  const constant = (name: string, type: OnnxType, dims: readonly number[], data: TensorData) => {
    initializers.push(tensorProto(name, type, dims, data))
    return name
  }
  return {
    node,
    constant,
    /** Weights of uniform numbers whose variance keeps that of what comes in. */
    random(name: string, dims: readonly number[], fanIn: number) {
      const size = dims.reduce((a, b) => a * b, 1)
      const data = Float32Array.from({ length: size }, () => (uniform() - 0.5) * Math.sqrt(24 / fanIn))
      return constant(name, 'float32', dims, data)
    },
    /** The crop in float32, about 0 with deviation 1 where it is noise. */
    standardised() {
      node('Cast', ['pellet'], 'gray', { to: onnxTypeNumber.float32 })
      node('Sub', ['gray', constant('mean', 'float32', [], Float32Array.of(127))], 'centred')
      return node('Mul', ['centred', constant('inverse', 'float32', [], Float32Array.of(1 / 74))], 'standardised')
    },
    finish: (): ModelProto =>
      modelProto({
        name: 'small',
        node: nodes,
        initializer: initializers,
        input: [valueInfo('pellet', 'uint8', ['N', 1, cropSide, cropSide])],
        output: [valueInfo('logits', 'float32', ['N', 2])],
      }),
  }
}

/** Attributes of a square window. */
export const window = (kernel: number, stride: number, padding: number) => ({
  kernel_shape: [kernel, kernel],
  strides: [stride, stride],
  pads: [padding, padding, padding, padding],
})

/**
 * A network of every operator that a served model may hold: kernels of 1, 3 and 7, strides of 1 and 2, sizes that a stride
 * divides and that it does not, pools that overlap and that do not, a shortcut, a difference, a product, weights in every
 * storage.
 */
export function everyOperatorModel(): ModelProto {
  const { node, constant, random, standardised, finish } = startModel(5)
  const convolve = (
    from: string,
    name: string,
    [channels, filters]: readonly [number, number],
    kernel: number,
    stride: number,
  ) =>
    node(
      'Conv',
      [
        from,
        random(`${name}.weights`, [filters, channels, kernel, kernel], channels * kernel ** 2),
        random(`${name}.bias`, [filters], 50),
      ],
      `${name}.0`,
      window(kernel, stride, kernel >> 1),
    )
  const leaky = { alpha: { float: 0.1 } }
  node('LeakyRelu', [convolve(standardised(), 'entry', [1, 3], 7, 2)], 'entry', leaky)
  node('Relu', [convolve('entry', 'narrow', [3, 4], 1, 1)], 'narrow')
  node('MaxPool', [convolve('narrow', 'pooled', [4, 4], 3, 1)], 'pooled.1', window(3, 2, 1))
  node('LeakyRelu', ['pooled.1'], 'pooled', leaky)
  node('Add', [convolve('pooled', 'joined', [4, 4], 3, 1), 'pooled'], 'joined.1')
  node('LeakyRelu', ['joined.1'], 'joined', leaky)
  // 13 pixels to 7 to 4 by kernels of 3 and 1, then to 2 where a row is left over.
  node('Identity', [convolve('joined', 'wide', [4, 5], 3, 2)], 'wide')
  convolve('wide', 'side', [5, 5], 1, 2)
  node('Mul', [convolve('wide', 'other', [5, 5], 3, 2), 'side.0'], 'product')
  node('Sub', ['product', 'side.0'], 'last.0')
  node('LeakyRelu', ['last.0'], 'last', leaky)
  node('MaxPool', ['last'], 'halved', window(2, 2, 0))
  convolve('halved', 'bytes', [5, 6], 1, 2)
  node('GlobalAveragePool', ['bytes.0'], 'average.map')
  node('Flatten', ['average.map'], 'average', { axis: 1 })
  const half = constant(
    'hidden.half',
    'float16',
    [6, 8],
    new Uint16Array(new Float16Array(48).map((_, i) => Math.sin(i)).buffer),
  )
  node('Cast', [half], 'hidden.weights', { to: onnxTypeNumber.float32 })
  node('Gemm', ['average', 'hidden.weights', random('hidden.bias', [8], 8)], 'hidden.0')
  node('LeakyRelu', ['hidden.0'], 'hidden', leaky)
  const bytes = constant(
    'head.bytes',
    'int8',
    [2, 8],
    Int8Array.from({ length: 16 }, (_, i) => 90 * Math.cos(i)),
  )
  node('Cast', [bytes], 'head.steps', { to: onnxTypeNumber.float32 })
  node('Mul', ['head.steps', constant('head.scales', 'float32', [2, 1], Float32Array.of(5e-5, 1e-4))], 'head.weights')
  node('Gemm', ['hidden', 'head.weights', random('head.bias', [2], 8)], 'logits', { transB: 1 })
  return finish()
}

/** One channel as it is, a 2x2 max-pool, the average; the logit of NG is three times that. */
export function poolModel(): ModelProto {
  const { node, constant, standardised, finish } = startModel(1)
  const real = (name: string, dims: readonly number[], ...values: number[]) =>
    constant(name, 'float32', dims, Float32Array.from(values))
  node('Conv', [standardised(), real('one', [1, 1, 1, 1], 1), real('none', [1], 0)], 'map', window(1, 1, 0))
  node('MaxPool', ['map'], 'pool', window(2, 2, 0))
  node('GlobalAveragePool', ['pool'], 'average.map')
  node('Flatten', ['average.map'], 'average', { axis: 1 })
  node('Gemm', ['average', real('weights', [1, 2], 0, 3), real('bias', [2], 0, 0)], 'logits')
  return finish()
}

/**
 * A network of small whole numbers twice: as it is, and with every tensor taken through bytes of scale 1, which changes
 * none of its numbers. With `mergedRelu` it rectifies, in bytes by the lowest byte being 0 alone.
 */
export function quantisedModel({ mergedRelu }: { readonly mergedRelu: boolean }) {
  const build = (inBytes: boolean) => {
    const { node, constant, finish } = startModel(1)
    const real = (name: string, dims: readonly number[], values: ArrayLike<number>) =>
      constant(name, 'float32', dims, Float32Array.from(values))
    real('step', [], [1])
    constant('noOffset', 'int8', [], Int8Array.of(0))
    // Given in bytes: the runtime would else spread them to 127, and its sums would saturate on x86 without VNNI.
    const weights = (name: string, dims: readonly number[], values: readonly number[]) => {
      if (!inBytes) return real(name, dims, values)
      const bytes = constant(`${name}.bytes`, 'int8', dims, Int8Array.from(values))
      return node('DequantizeLinear', [bytes, 'step', 'noOffset'], name)
    }
    constant('zero', 'uint8', [], Uint8Array.of(mergedRelu ? 0 : 128))
    constant('noZero', 'uint8', [], Uint8Array.of(0))
    const through = (from: string, to: string) => {
      if (inBytes) {
        node('QuantizeLinear', [from, 'step', 'zero'], `${to}.bytes`)
        return node('DequantizeLinear', [`${to}.bytes`, 'step', 'zero'], to)
      }
      return node(mergedRelu ? 'Relu' : 'Identity', [from], to)
    }
    if (inBytes) node('DequantizeLinear', ['pellet', 'step', 'noZero'], 'gray')
    else node('Cast', ['pellet'], 'gray', { to: onnxTypeNumber.float32 })
    const spread = [1, -1, 0, 0, 1, 0, -1, 0, 0, 0, 1, 0, -1, 0, 1, 0, -1, 0]
    node(
      'Conv',
      ['gray', weights('first.weights', [2, 1, 3, 3], spread), real('first.bias', [2], [1, -2])],
      'first.sums',
      window(3, 2, 1),
    )
    through('first.sums', 'first')
    node('MaxPool', ['first'], 'pool.sums', window(2, 2, 0))
    through('pool.sums', 'pool')
    node(
      'Conv',
      ['pool', weights('second.weights', [2, 2, 1, 1], [1, 1, 1, -1]), real('second.bias', [2], [0, 1])],
      'second.sums',
      window(1, 1, 0),
    )
    through('second.sums', 'second')
    node('GlobalAveragePool', ['second'], 'average.map')
    node('Flatten', ['average.map'], 'average', { axis: 1 })
    node('Gemm', ['average', weights('head.weights', [2, 2], [1, 2, 3, -1]), real('head.bias', [2], [0, 0])], 'logits')
    return finish()
  }
  return { plain: build(false), quantised: build(true) }
}
