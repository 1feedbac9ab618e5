import { create } from '@bufbuild/protobuf'
import {
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  type TensorProto,
} from '../../gen/third_party/onnx/onnx_pb.ts'
import {
  type AttributeValue,
  nodeProto,
  type OnnxType,
  type TensorData,
  tensorProto,
  valueInfo,
} from '../../shared/onnx/onnx-proto.ts'

/** A value of a graph under construction: its name, element type and static shape. */
export interface Tensor {
  readonly name: string
  readonly type: OnnxType
  readonly dims: readonly number[]
}

/** One differentiable step: given dLoss/dOutput it emits dLoss/dInput for every input that is asked for. */
export interface TapeEntry {
  readonly output: Tensor
  readonly inputs: readonly Tensor[]
  /** `needs[i]` says whether input i leads to something that is differentiated; the others may stay undefined. */
  readonly gradient: (outputGradient: Tensor, needs: readonly boolean[]) => readonly (Tensor | undefined)[]
}

/** How the runtime at hand computes: what the operators choose their strategy by. */
export interface Backend {
  /** Precision of every real number; float64 exists to check gradients and uses MatMul for every convolution. */
  readonly real: 'float32' | 'float64'
  /** Channels per block of ONNX Runtime's own convolution layout (16 or 8); 1: not available, plain NCHW is used. */
  readonly blockSize: number
}

/** A graph under construction, with the tape of its differentiable steps. Mutable: only the builders write to it. */
export interface Graph {
  readonly backend: Backend
  readonly nodes: NodeProto[]
  readonly initializers: TensorProto[]
  readonly inputs: Tensor[]
  readonly domains: Set<string>
  readonly tape: TapeEntry[]
  /** Names of the tensors that depend on a parameter. */
  readonly active: Set<string>
  /** Shared constants and layout changes by a key, so that each is emitted once. */
  readonly memo: Map<string, Tensor>
}

/** Creates an empty graph for a backend. */
export function createGraph(backend: Backend): Graph {
  return {
    backend,
    nodes: [],
    initializers: [],
    inputs: [],
    domains: new Set(),
    tape: [],
    active: new Set(),
    memo: new Map(),
  }
}

/** Declares an input of the graph. */
export function input(graph: Graph, name: string, type: OnnxType, dims: readonly number[]): Tensor {
  const tensor = { name, type, dims }
  graph.inputs.push(tensor)
  return tensor
}

/** Declares an input that the loss is differentiated by. */
export function parameter(graph: Graph, name: string, dims: readonly number[]): Tensor {
  const tensor = input(graph, name, graph.backend.real, dims)
  graph.active.add(name)
  return tensor
}

export interface EmitOptions {
  readonly attributes?: Readonly<Record<string, AttributeValue>>
  readonly domain?: string
  readonly type?: OnnxType
}

/** Adds a node with one output per shape in `shapes`; an undefined input is an optional one left out. */
export function emitMany(
  graph: Graph,
  opType: string,
  inputs: readonly (Tensor | undefined)[],
  shapes: readonly (readonly number[])[],
  { attributes = {}, domain = '', type }: EmitOptions = {},
): Tensor[] {
  const outputType = type ?? inputs.find((tensor) => tensor !== undefined)?.type ?? graph.backend.real
  const outputs = shapes.map((dims, i) => ({ name: `${opType}_${graph.nodes.length}_${i}`, type: outputType, dims }))
  const names = inputs.map((tensor) => tensor?.name ?? '')
  graph.nodes.push(
    nodeProto(
      opType,
      names,
      outputs.map((tensor) => tensor.name),
      attributes,
      domain,
    ),
  )
  if (domain !== '') graph.domains.add(domain)
  return outputs
}

/** Adds a node with one output of shape `dims`. */
export function emit(
  graph: Graph,
  opType: string,
  inputs: readonly (Tensor | undefined)[],
  dims: readonly number[],
  options: EmitOptions = {},
): Tensor {
  return emitMany(graph, opType, inputs, [dims], options)[0]!
}

/** Adds a constant tensor, stored in the graph. */
export function constant(graph: Graph, type: OnnxType, dims: readonly number[], data: TensorData): Tensor {
  const name = `constant_${graph.initializers.length}`
  graph.initializers.push(tensorProto(name, type, dims, data))
  return { name, type, dims }
}

/** A real scalar in the graph's precision; equal scalars share one constant. */
export function scalar(graph: Graph, value: number): Tensor {
  return memoize(graph, `scalar ${value}`, () => reals(graph, [], [value]))
}

/** A constant of real numbers in the graph's precision. */
export function reals(graph: Graph, dims: readonly number[], values: ArrayLike<number>): Tensor {
  const data = graph.backend.real === 'float64' ? Float64Array.from(values) : Float32Array.from(values)
  return constant(graph, graph.backend.real, dims, data)
}

/** A vector of int64, as shapes and axes are given; equal ones share one constant. */
export function integers(graph: Graph, values: readonly number[]): Tensor {
  return memoize(graph, `integers ${values.join(',')}`, () =>
    constant(graph, 'int64', [values.length], BigInt64Array.from(values, BigInt)),
  )
}

/** Emits what `make` emits the first time that `key` is asked for, and returns the same tensor ever after. */
export function memoize(graph: Graph, key: string, make: () => Tensor): Tensor {
  const known = graph.memo.get(key)
  if (known !== undefined) return known
  const made = make()
  graph.memo.set(key, made)
  return made
}

/** Writes a differentiable step on the tape; steps that depend on no parameter are not kept. Returns the output. */
export function record(
  graph: Graph,
  output: Tensor,
  inputs: readonly Tensor[],
  gradient: TapeEntry['gradient'],
): Tensor {
  if (!inputs.some((tensor) => graph.active.has(tensor.name))) return output
  graph.active.add(output.name)
  graph.tape.push({ output, inputs, gradient })
  return output
}

/** Gives `tensor` a name of its own choosing, as graph outputs need. */
export function named(graph: Graph, tensor: Tensor, name: string): Tensor {
  graph.nodes.push(nodeProto('Identity', [tensor.name], [name]))
  return { ...tensor, name }
}

/** The finished graph as a message. */
export function graphProto(
  graph: Graph,
  name: string,
  outputs: readonly Tensor[],
  inputs: readonly Tensor[] = graph.inputs,
): GraphProto {
  return create(GraphProtoSchema, {
    name,
    node: graph.nodes,
    initializer: graph.initializers,
    input: inputs.map((tensor) => valueInfo(tensor.name, tensor.type, tensor.dims)),
    output: outputs.map((tensor) => valueInfo(tensor.name, tensor.type, tensor.dims)),
  })
}
