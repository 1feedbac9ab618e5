import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { createRandom } from '../../../services/distillation/index.ts'
import {
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from '../../../services/gen/third_party/inference/grpc_service_pb.ts'
import { PelletlineError } from '../../../services/shared/errors/pelletline-error.ts'
import { cropBytes, cropSide } from '../../../services/shared/inspection/crop.ts'
import type { Protocol } from './peer-systems.ts'

/** What is wrong with a request that must be refused, and must harm no other. */
export const badKinds = ['shape', 'type', 'bytes'] as const
export type BadKind = (typeof badKinds)[number]

export const badTitles: Readonly<Record<BadKind, string>> = {
  shape: 'crops of 40 x 40',
  type: 'FP32 for UINT8',
  bytes: 'too few bytes',
}

/** Kinds that a protocol can say: raw bytes over HTTP have no type. */
export function badKindsOf(protocol: Protocol): readonly BadKind[] {
  return protocol === 'gRPC' ? badKinds : ['shape', 'bytes']
}

interface Tensor {
  readonly datatype: string
  readonly shape: readonly number[]
  readonly raw: Uint8Array
}

/** Pixels of `count` crops, drawn by `seed`. */
export function drawCrops(count: number, seed: number): Uint8Array {
  const random = createRandom(seed, 'peer crops')
  return Uint8Array.from({ length: count * cropBytes }, () => Math.floor(random.uniform() * 256))
}

/** A request with these crops, as it travels. */
export function encodeRequest(protocol: Protocol, crops: Uint8Array): Buffer {
  return encode(protocol, { datatype: 'UINT8', shape: [crops.length / cropBytes, 1, cropSide, cropSide], raw: crops })
}

/** A request of one crop that has something wrong with it. */
export function encodeBadRequest(protocol: Protocol, kind: BadKind): Buffer {
  const pixels = (bytes: number) => new Uint8Array(bytes).fill(128)
  switch (kind) {
    case 'shape':
      return encode(protocol, { datatype: 'UINT8', shape: [1, 1, 40, 40], raw: pixels(40 * 40) })
    case 'type':
      return encode(protocol, { datatype: 'FP32', shape: [1, 1, cropSide, cropSide], raw: pixels(4 * cropBytes) })
    case 'bytes':
      return encode(protocol, { datatype: 'UINT8', shape: [1, 1, cropSide, cropSide], raw: pixels(1000) })
    default:
      return kind satisfies never
  }
}

function encode(protocol: Protocol, { datatype, shape, raw }: Tensor): Buffer {
  if (protocol === 'HTTP') return Buffer.from(raw)
  const request = create(ModelInferRequestSchema, {
    modelName: 'student',
    inputs: [{ name: 'pellet', datatype, shape: shape.map(BigInt) }],
    rawInputContents: [raw],
  })
  return Buffer.from(toBinary(ModelInferRequestSchema, request))
}

/** Logits of an answer, two a crop; throws `internal` where it has none for each of `crops`. */
export function decodeAnswer(protocol: Protocol, answer: Uint8Array, crops: number): Float32Array {
  const logits = protocol === 'HTTP' ? toFloats(answer) : decodeResponse(answer)
  if (logits.length === 2 * crops) return logits
  throw new PelletlineError('internal', `${logits.length} logits came back for ${crops} crops; 2 each were expected.`)
}

function decodeResponse(answer: Uint8Array): Float32Array {
  const { outputs, rawOutputContents } = fromBinary(ModelInferResponseSchema, answer)
  const raw = rawOutputContents[0]
  return raw === undefined ? Float32Array.from(outputs[0]?.contents?.fp32Contents ?? []) : toFloats(raw)
}

function toFloats(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer, 0, Math.floor(bytes.length / 4))
}
