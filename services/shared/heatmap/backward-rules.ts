import { type NodeProto, type TensorProto, TensorProto_DataType } from '../../gen/third_party/onnx/onnx_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import type { AttributeValue, OnnxType, TensorData } from '../onnx/onnx-proto.ts'
import { type Shape, windowOf } from './infer-shapes.ts'
import { floatAttribute, intAttribute } from './node-attributes.ts'

/** Writes the nodes of the backward pass. */
export interface BackwardWriter {
  /** Adds a node of one output; returns the output's name, which is new. */
  node(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, AttributeValue>>): string
  /** A constant, shared by all that ask for the same one; returns its name. */
  constant(type: OnnxType, dims: readonly number[], data: TensorData): string
  shapeOf(tensor: string): Shape
  /** A constant of the served graph; undefined where a name stands for something else. */
  servedConstant(name: string): TensorProto | undefined
  /** Name of the indices that a max-pool of the forward pass gives, in the flattened input. */
  poolIndices(node: NodeProto): string
}

/**
 * The gradient of an input of a node, given that of its first output: the name of a tensor of the input's shape.
 * `index` is the input's; only inputs that depend on a layer are asked for.
 */
export type BackwardRule = (node: NodeProto, gradient: string, index: number, write: BackwardWriter) => string

const passOn: BackwardRule = (_, gradient) => gradient

function refuse(node: NodeProto, what: string): never {
  throw new PelletlineError(
    'failed_precondition',
    `Heatmaps cannot go back through ${node.opType} ${node.output[0]}: ${what}. Give a model that Pelletline exported, or a layer behind it.`,
  )
}

/** Elementwise operators pass gradients on as they are only where nothing was stretched. */
function requireSameShape(node: NodeProto, index: number, write: BackwardWriter): void {
  const [input, output] = [write.shapeOf(node.input[index]!), write.shapeOf(node.output[0]!)]
  if (input.join() !== output.join()) refuse(node, `its input ${index} [${input}] is stretched to [${output}]`)
}

/** Where the input is above zero the gradient passes, elsewhere `slope` of it: the subgradient at zero is the slope. */
function rectified(slope: number): BackwardRule {
  return (node, gradient, _, write) => {
    const zero = write.constant('float32', [], Float32Array.of(0))
    const above = write.node('Greater', [node.input[0]!, zero])
    const below =
      slope === 0 ? zero : write.node('Mul', [gradient, write.constant('float32', [], Float32Array.of(slope))])
    return write.node('Where', [above, gradient, below])
  }
}

/**
 * Straight through (Bengio et al., 2013): rounding has no slope of its own, but stands for what has slope 1. Where the zero
 * point is the lowest byte, what is below zero is cut off, which is the ReLU that the export to bytes has merged into it.
 */
const quantised: BackwardRule = (node, gradient, index, write) => {
  const zeroPoint = write.servedConstant(node.input[2] ?? '')
  const lowest = zeroPoint?.dataType === TensorProto_DataType.INT8 ? 0x80 : 0
  const cutsOff = node.input[2] === undefined || zeroPoint?.rawData.every((byte) => byte === lowest) === true
  return cutsOff ? rectified(0)(node, gradient, index, write) : gradient
}

const reshapeLike: BackwardRule = (node, gradient, index, write) =>
  write.node('Reshape', [gradient, write.node('Shape', [node.input[index]!])])

/** The transposed convolution with the same weights. Pixels that no position of the window reached get zero. */
const convolution: BackwardRule = (node, gradient, index, write) => {
  if (index !== 0) refuse(node, 'its weights depend on the image')
  const weights = node.input[1]!
  const window = windowOf(node, write.shapeOf(weights).slice(2).map(Number))
  const [input, output] = [node.input[0]!, node.output[0]!].map((name) => write.shapeOf(name).slice(2).map(Number))
  return write.node('ConvTranspose', [gradient, weights], {
    kernel_shape: window.kernel,
    strides: window.strides,
    pads: window.pads,
    dilations: window.dilations,
    group: intAttribute(node, 'group', 1),
    output_padding: [0, 1].map((axis) => input![axis]! - window.covered(output![axis]!, axis)),
  })
}

/**
 * Each gradient goes to the pixel that the pool itself chose, by the pool's own indices: so where several pixels tie, the
 * one that the forward pass names gets it all, and windows that overlap add up.
 */
const maxPool: BackwardRule = (node, gradient, _, write) => {
  const everything = write.constant('int64', [1], BigInt64Array.of(-1n))
  const shape = write.node('Shape', [node.input[0]!])
  const size = write.node('ReduceProd', [shape], { keepdims: 1 })
  const blank = write.node('ConstantOfShape', [size])
  const indices = write.node('Reshape', [write.poolIndices(node), everything])
  const updates = write.node('Reshape', [gradient, everything])
  const scattered = write.node('ScatterElements', [blank, indices, updates], { axis: 0, reduction: 'add' })
  return write.node('Reshape', [scattered, shape])
}

const globalAverage: BackwardRule = (node, gradient, _, write) => {
  const [height, width] = write.shapeOf(node.input[0]!).slice(2).map(Number)
  const share = write.constant('float32', [], Float32Array.of(1 / (height! * width!)))
  return write.node('Expand', [write.node('Mul', [gradient, share]), write.node('Shape', [node.input[0]!])])
}

const dense: BackwardRule = (node, gradient, index, write) => {
  if (index !== 0) refuse(node, 'its weights depend on the image')
  if (intAttribute(node, 'transA', 0) !== 0) refuse(node, 'its input is transposed')
  return write.node('Gemm', [gradient, node.input[1]!], {
    alpha: { float: floatAttribute(node, 'alpha', 1) },
    transB: 1 - intAttribute(node, 'transB', 0),
  })
}

/** The rule of every operator that may stand between a layer and the logits. */
export const backwardRules: Readonly<Record<string, BackwardRule>> = {
  Identity: passOn,
  QuantizeLinear: quantised,
  DequantizeLinear: passOn,
  Relu: rectified(0),
  LeakyRelu: (node, ...rest) => rectified(floatAttribute(node, 'alpha', 0.01))(node, ...rest),
  Add(node, gradient, index, write) {
    requireSameShape(node, index, write)
    return gradient
  },
  Sub(node, gradient, index, write) {
    requireSameShape(node, index, write)
    return index === 0 ? gradient : write.node('Neg', [gradient])
  },
  Mul(node, gradient, index, write) {
    requireSameShape(node, index, write)
    return write.node('Mul', [gradient, node.input[1 - index]!])
  },
  Conv: convolution,
  MaxPool: maxPool,
  GlobalAveragePool: globalAverage,
  Flatten: reshapeLike,
  Gemm: dense,
}
