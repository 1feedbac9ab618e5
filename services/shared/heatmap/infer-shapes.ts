import type { GraphProto, NodeProto } from '../../gen/third_party/onnx/onnx_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { cropSide } from '../inspection/crop.ts'
import { intAttribute, intsAttribute, stringAttribute } from './node-attributes.ts'

/** Dimensions of a tensor; the number of crops is not known before the graph runs. */
export type Shape = readonly (number | 'N')[]

/** Name of a served model's input. */
export const imageInput = 'pellet'

type ShapeRule = (node: NodeProto, input: (index: number) => Shape) => readonly Shape[]

const same: ShapeRule = (_, input) => [input(0)]

/** Right-aligned, as in ONNX: a dimension of 1 stretches. */
const broadcast: ShapeRule = (_, input) => {
  const [a, b] = [input(0), input(1)]
  const rank = Math.max(a.length, b.length)
  const at = (shape: Shape, axis: number) => shape[axis - rank + shape.length] ?? 1
  return [Array.from({ length: rank }, (_, axis) => (at(a, axis) === 1 ? at(b, axis) : at(a, axis)))]
}

/** Kernel, strides and pads of a 2-D window; `failed_precondition` where it pads or rounds in another way. */
export function windowOf(node: NodeProto, kernel: readonly number[]) {
  const autoPad = stringAttribute(node, 'auto_pad', 'NOTSET')
  if (autoPad !== 'NOTSET' || intAttribute(node, 'ceil_mode', 0) !== 0 || kernel.length !== 2) {
    throw new PelletlineError(
      'failed_precondition',
      `${node.opType} ${node.output[0]} has a window that heatmaps do not support; expected two dimensions, explicit pads and sizes rounded down.`,
    )
  }
  const strides = intsAttribute(node, 'strides', [1, 1])
  const pads = intsAttribute(node, 'pads', [0, 0, 0, 0])
  const dilations = intsAttribute(node, 'dilations', [1, 1])
  /** Pixels along an axis that one position of the window spans. */
  const span = (axis: number) => (kernel[axis]! - 1) * dilations[axis]! + 1
  return {
    kernel,
    strides,
    pads,
    dilations,
    /** Positions of the window along an axis of `size` pixels. */
    positions: (size: number, axis: number) =>
      Math.floor((size + pads[axis]! + pads[axis + 2]! - span(axis)) / strides[axis]!) + 1,
    /** Pixels, pads aside, that so many positions cover. */
    covered: (count: number, axis: number) => (count - 1) * strides[axis]! + span(axis) - pads[axis]! - pads[axis + 2]!,
  }
}

function slide(node: NodeProto, map: Shape, channels: number | 'N', kernel: readonly number[]): Shape {
  const window = windowOf(node, kernel)
  return [map[0]!, channels, window.positions(Number(map[2]), 0), window.positions(Number(map[3]), 1)]
}

const rules: Readonly<Record<string, ShapeRule>> = {
  Cast: same,
  Identity: same,
  Relu: same,
  LeakyRelu: same,
  QuantizeLinear: same,
  DequantizeLinear: same,
  Add: broadcast,
  Sub: broadcast,
  Mul: broadcast,
  Conv: (node, input) => [slide(node, input(0), input(1)[0]!, input(1).slice(2).map(Number))],
  MaxPool: (node, input) => {
    const shape = slide(node, input(0), input(0)[1]!, intsAttribute(node, 'kernel_shape', []))
    return [shape, shape]
  },
  GlobalAveragePool: (_, input) => [[...input(0).slice(0, 2), 1, 1]],
  Flatten: (node, input) => {
    const size = input(0).slice(1).map(Number)
    return intAttribute(node, 'axis', 1) === 1 ? [['N', size.reduce((a, b) => a * b, 1)]] : []
  },
  Gemm: (node, input) => [[input(0)[0]!, input(1)[intAttribute(node, 'transB', 0) === 0 ? 1 : 0]!]],
}

/**
 * Shapes of every tensor of a served model's graph: of the constants, and of all that follows from `pellet` [N,1,50,50].
 * Throws `failed_precondition` naming the first operator that is not known, with those that are.
 */
export function inferShapes(graph: GraphProto): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>([[imageInput, ['N', 1, cropSide, cropSide]]])
  for (const { name, dims } of graph.initializer) shapes.set(name, dims.map(Number))
  for (const node of graph.node) {
    const input = (index: number) => {
      const shape = shapes.get(node.input[index] ?? '')
      if (shape !== undefined) return shape
      throw new PelletlineError(
        'failed_precondition',
        `${node.opType} ${node.output[0]} reads ${node.input[index] || 'nothing'} as input ${index}, which nothing before it gives; export the model again.`,
      )
    }
    const outputs = rules[node.opType]?.(node, input)
    if (outputs === undefined || outputs.length === 0) {
      throw new PelletlineError(
        'failed_precondition',
        `Heatmaps do not know the operator ${node.opType} of ${node.output[0]} in this form; known are ${Object.keys(rules).sort().join(', ')}. Give a model that Pelletline exported.`,
      )
    }
    for (const [i, name] of node.output.entries()) if (name !== '') shapes.set(name, outputs[i]!)
  }
  return shapes
}
