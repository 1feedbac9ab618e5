import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { type OnnxType, onnxTypeNumber } from '../../shared/onnx/onnx-proto.ts'
import { emit, emitMany, type Graph, integers, scalar, type Tensor } from './graph.ts'

/**
 * ONNX operators with static shape inference and no gradients: what the differentiable operators, and their backward
 * rules, are written in. All of them run in float32 and in float64 on ONNX Runtime's CPU provider.
 */

/** Number of elements of a shape. */
export function countOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}

function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const left = a[i - rank + a.length] ?? 1
    const right = b[i - rank + b.length] ?? 1
    if (left !== right && left !== 1 && right !== 1) {
      throw new PelletlineError('internal', `shapes [${a}] and [${b}] do not broadcast: reshape one of them`)
    }
    return Math.max(left, right)
  })
}

const binary = (opType: string, type?: OnnxType) => (graph: Graph, a: Tensor, b: Tensor) =>
  emit(graph, opType, [a, b], broadcast(a.dims, b.dims), type === undefined ? {} : { type })
const unary = (opType: string) => (graph: Graph, a: Tensor) => emit(graph, opType, [a], a.dims)

// Elementwise operators, with the broadcasting and the type rules of ONNX; a comparison gives bool.

export const add = binary('Add')
export const subtract = binary('Sub')
export const multiply = binary('Mul')
export const divide = binary('Div')
export const maximum = binary('Max')
export const greater = binary('Greater', 'bool')
export const power = binary('Pow')
export const squareRoot = unary('Sqrt')
export const reciprocal = unary('Reciprocal')
export const exponential = unary('Exp')
export const logarithm = unary('Log')

/** a * factor for a constant factor. */
export function scale(graph: Graph, a: Tensor, factor: number): Tensor {
  return multiply(graph, a, scalar(graph, factor))
}

/** Sum of equally shaped tensors. */
export function sumOf(graph: Graph, tensors: readonly Tensor[]): Tensor {
  return tensors.length === 1 ? tensors[0]! : emit(graph, 'Sum', tensors, tensors[0]!.dims)
}

/** The same values in another type. */
export function cast(graph: Graph, a: Tensor, type: OnnxType): Tensor {
  return emit(graph, 'Cast', [a], a.dims, { attributes: { to: onnxTypeNumber[type] }, type })
}

/** The same values under another shape of as many elements. */
export function reshape(graph: Graph, a: Tensor, dims: readonly number[]): Tensor {
  if (countOf(dims) !== countOf(a.dims)) {
    throw new PelletlineError('internal', `[${a.dims}] cannot be reshaped to [${dims}]: the counts of elements differ`)
  }
  if (dims.length === a.dims.length && dims.every((dim, i) => dim === a.dims[i])) return a
  return emit(graph, 'Reshape', [a, integers(graph, dims)], dims)
}

/** Axis i of the result is axis `axes[i]` of the tensor. */
export function transpose(graph: Graph, a: Tensor, axes: readonly number[]): Tensor {
  return emit(
    graph,
    'Transpose',
    [a],
    axes.map((axis) => a.dims[axis]!),
    { attributes: { perm: axes } },
  )
}

/** Rows `start` until `end` (exclusive) of each named axis, every `step`-th of them. */
export function slice(
  graph: Graph,
  a: Tensor,
  ranges: readonly { readonly axis: number; readonly start: number; readonly end: number; readonly step?: number }[],
): Tensor {
  const dims = [...a.dims]
  for (const { axis, start, end, step = 1 } of ranges) dims[axis] = Math.ceil((end - start) / step)
  if (dims.every((dim, i) => dim === a.dims[i])) return a
  const vector = (pick: (range: (typeof ranges)[number]) => number) => integers(graph, ranges.map(pick))
  return emit(
    graph,
    'Slice',
    [a, vector((r) => r.start), vector((r) => r.end), vector((r) => r.axis), vector((r) => r.step ?? 1)],
    dims,
  )
}

/** The tensor with every named axis in reverse order. */
export function reverse(graph: Graph, a: Tensor, axes: readonly number[]): Tensor {
  const vector = (value: number) =>
    integers(
      graph,
      axes.map(() => value),
    )
  const least = -(2 ** 31)
  return emit(graph, 'Slice', [a, vector(-1), vector(least), integers(graph, axes), vector(-1)], a.dims)
}

/** Tensors that differ along `axis` only, one after the other along it. */
export function concatenate(graph: Graph, tensors: readonly Tensor[], axis: number): Tensor {
  if (tensors.length === 1) return tensors[0]!
  const dims = [...tensors[0]!.dims]
  dims[axis] = tensors.reduce((total, tensor) => total + tensor.dims[axis]!, 0)
  return emit(graph, 'Concat', tensors, dims, { attributes: { axis } })
}

/** Cuts an axis into equal parts. */
export function split(graph: Graph, a: Tensor, axis: number, parts: number): Tensor[] {
  const dims = [...a.dims]
  dims[axis] = dims[axis]! / parts
  const shapes = Array.from({ length: parts }, () => dims)
  return emitMany(graph, 'Split', [a], shapes, { attributes: { axis, num_outputs: parts } })
}

/** Adds `before` and `after` rows of `value` (0) to the named axes; negative counts cut rows off. */
export function pad(
  graph: Graph,
  a: Tensor,
  margins: readonly { readonly axis: number; readonly before: number; readonly after: number }[],
  value = 0,
): Tensor {
  const begin = a.dims.map(() => 0)
  const end = a.dims.map(() => 0)
  for (const { axis, before, after } of margins) {
    begin[axis] = before
    end[axis] = after
  }
  if ([...begin, ...end].every((count) => count === 0)) return a
  const dims = a.dims.map((dim, i) => dim + begin[i]! + end[i]!)
  return emit(graph, 'Pad', [a, integers(graph, [...begin, ...end]), scalar(graph, value)], dims)
}

/** Sum over `axes`, which disappear. */
export function reduceSum(graph: Graph, a: Tensor, axes: readonly number[]): Tensor {
  const dims = a.dims.filter((_, i) => !axes.includes(i))
  return emit(graph, 'ReduceSum', [a, integers(graph, axes)], dims, { attributes: { keepdims: 0 } })
}

export interface MatrixProductOptions {
  readonly transposeA?: boolean
  readonly transposeB?: boolean
  /** Added to every row of the product. */
  readonly bias?: Tensor
}

/** Product of two matrices, either of them transposed on demand. */
export function matrixProduct(graph: Graph, a: Tensor, b: Tensor, options: MatrixProductOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, bias } = options
  const dims = [a.dims[transposeA ? 1 : 0]!, b.dims[transposeB ? 0 : 1]!]
  const inner = [a.dims[transposeA ? 0 : 1]!, b.dims[transposeB ? 1 : 0]!]
  if (inner[0] !== inner[1]) throw new PelletlineError('internal', `[${a.dims}] x [${b.dims}]: inner sizes differ`)
  const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 }
  return emit(graph, 'Gemm', bias === undefined ? [a, b] : [a, b, bias], dims, { attributes })
}

/** For each of the first axis' entries: transpose(a) b, of [B,K,M] and [B,K,N]: [B,M,N]. */
export function batchedInnerProduct(graph: Graph, a: Tensor, b: Tensor): Tensor {
  const dims = [a.dims[0]!, a.dims[2]!, b.dims[2]!]
  if (graph.backend.real === 'float32') {
    return emit(graph, 'FusedMatMul', [a, b], dims, { attributes: { transA: 1 }, domain: 'com.microsoft' })
  }
  return emit(graph, 'MatMul', [transpose(graph, a, [0, 2, 1]), b], dims)
}

/** For each of the first axis' entries: a transpose(b), of [B,M,K] and [B,N,K]: [B,M,N]. */
export function batchedOuterProduct(graph: Graph, a: Tensor, b: Tensor): Tensor {
  const dims = [a.dims[0]!, a.dims[1]!, b.dims[1]!]
  if (graph.backend.real === 'float32') {
    return emit(graph, 'FusedMatMul', [a, b], dims, { attributes: { transB: 1 }, domain: 'com.microsoft' })
  }
  return emit(graph, 'MatMul', [a, transpose(graph, b, [0, 2, 1])], dims)
}

/** Batched product of [B,M,K] and [B,K,N]. */
export function batchedProduct(graph: Graph, a: Tensor, b: Tensor): Tensor {
  return emit(graph, 'MatMul', [a, b], [a.dims[0]!, a.dims[1]!, b.dims[2]!])
}

/** Softmax over the last axis. */
export function softmax(graph: Graph, a: Tensor): Tensor {
  return emit(graph, 'Softmax', [a], a.dims, { attributes: { axis: -1 } })
}

/** Logarithm of the softmax over the last axis. */
export function logSoftmax(graph: Graph, a: Tensor): Tensor {
  return emit(graph, 'LogSoftmax', [a], a.dims, { attributes: { axis: -1 } })
}

/** Entries of an axis in the order that the int64 vector `indices` names; many short ones are copied by all threads. */
export function gather(graph: Graph, a: Tensor, indices: Tensor, axis: number): Tensor {
  const dims = a.dims.map((dim, i) => (i === axis ? indices.dims[0]! : dim))
  return emit(graph, 'Gather', [a, indices], dims, { attributes: { axis } })
}

/** The entry of `a`'s first axis that the scalar int64 `index` names. */
export function entryAt(graph: Graph, a: Tensor, index: Tensor): Tensor {
  return emit(graph, 'Gather', [a, index], a.dims.slice(1), { attributes: { axis: 0 } })
}
