import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  type GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../../gen/third_party/onnx/onnx_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'

/** Element types that our graphs use, by their ONNX name. */
export type OnnxType = 'float32' | 'float64' | 'float16' | 'int64' | 'int32' | 'int8' | 'uint8' | 'bool'

/** A dense tensor's values: 16-bit floats are carried as their bits. */
export type TensorData = Float32Array | Float64Array | Uint16Array | BigInt64Array | Int32Array | Int8Array | Uint8Array

/** Value of a node's attribute; whole numbers are INT, `{ float }` forces FLOAT, arrays follow their elements. */
export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly graph: GraphProto }

/** ONNX's number of each element type. */
export const onnxTypeNumber: Readonly<Record<OnnxType, TensorProto_DataType>> = {
  float32: TensorProto_DataType.FLOAT,
  float64: TensorProto_DataType.DOUBLE,
  float16: TensorProto_DataType.FLOAT16,
  int64: TensorProto_DataType.INT64,
  int32: TensorProto_DataType.INT32,
  int8: TensorProto_DataType.INT8,
  uint8: TensorProto_DataType.UINT8,
  bool: TensorProto_DataType.BOOL,
}

/** The version of the operator set and of the file format that our models are written for. */
const onnxVersions = { opset: 21, ir: 10 } as const

/** A dense tensor as an ONNX message; values travel as little-endian raw data. */
export function tensorProto(name: string, type: OnnxType, dims: readonly number[], data: TensorData): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: onnxTypeNumber[type],
    dims: dims.map(BigInt),
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  })
}

/** Declares a graph input or output; a string dimension is symbolic. */
export function valueInfo(name: string, type: OnnxType, dims: readonly (number | string)[]): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: onnxTypeNumber[type],
          shape: {
            dim: dims.map((dim) => ({
              value:
                typeof dim === 'number'
                  ? ({ case: 'dimValue', value: BigInt(dim) } as const)
                  : ({ case: 'dimParam', value: dim } as const),
            })),
          },
        },
      },
    },
  })
}

function attribute(name: string, value: AttributeValue): AttributeProto {
  const kinds = AttributeProto_AttributeType
  const make = (init: MessageInitShape<typeof AttributeProtoSchema>) => create(AttributeProtoSchema, { name, ...init })
  if (typeof value === 'number') return make({ type: kinds.INT, i: BigInt(value) })
  if (typeof value === 'string') return make({ type: kinds.STRING, s: new TextEncoder().encode(value) })
  if ('float' in value) return make({ type: kinds.FLOAT, f: value.float })
  if ('floats' in value) return make({ type: kinds.FLOATS, floats: [...value.floats] })
  if ('graph' in value) return make({ type: kinds.GRAPH, g: value.graph })
  return make({ type: kinds.INTS, ints: value.map(BigInt) })
}

/** Declares a float32 tensor within a graph as one of its outputs; the runtime infers its shape. */
export function observedTensor(name: string): ValueInfoProto {
  const value = valueInfo(name, 'float32', [])
  if (value.type?.value.case === 'tensorType') delete value.type.value.value.shape
  return value
}

/** One node; an empty input name stands for an optional input that is left out. */
export function nodeProto(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  domain = '',
): NodeProto {
  return create(NodeProtoSchema, {
    opType,
    domain,
    name: outputs[0] ?? opType,
    input: [...inputs],
    output: [...outputs],
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  })
}

/** A whole model around a graph; every domain that a node uses must be among `domains`. */
export function modelProto(
  graph: MessageInitShape<typeof GraphProtoSchema>,
  domains: readonly string[] = [],
  metadata: Readonly<Record<string, string>> = {},
): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: BigInt(onnxVersions.ir),
    producerName: 'pelletline',
    graph,
    opsetImport: [
      { domain: '', version: BigInt(onnxVersions.opset) },
      ...domains.map((domain) => ({ domain, version: 1n })),
    ],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  })
}

/** The bytes of an ONNX file. */
export function encodeModel(model: ModelProto): Uint8Array<ArrayBuffer> {
  return toBinary(ModelProtoSchema, model) as Uint8Array<ArrayBuffer>
}

/** Reads an ONNX file's bytes; `data_loss` naming `source` where they are no ONNX model. */
export function decodeModel(bytes: Uint8Array, source: string): ModelProto {
  try {
    const model = fromBinary(ModelProtoSchema, bytes)
    if (model.graph === undefined) throw new Error('it holds no graph')
    return model
  } catch (cause) {
    throw new PelletlineError(
      'data_loss',
      `${source} is not an ONNX model (${cause instanceof Error ? cause.message : String(cause)}): export it again`,
      { cause },
    )
  }
}
