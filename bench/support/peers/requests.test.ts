import assert from 'node:assert/strict'
import test from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from '../../../services/gen/third_party/inference/grpc_service_pb.ts'
import { isSame } from './harm-by-bad.ts'
import { badKindsOf, decodeAnswer, drawCrops, encodeBadRequest, encodeRequest } from './requests.ts'

const logits = Float32Array.of(1.5, -2, 0.25, 4)
const raw = new Uint8Array(logits.buffer)

test('encodeRequest sends crops raw, named and shaped over gRPC, bare over HTTP', () => {
  const crops = drawCrops(3, 1)
  const { inputs, rawInputContents } = fromBinary(ModelInferRequestSchema, encodeRequest('gRPC', crops))
  assert.deepEqual([inputs[0]?.datatype, inputs[0]?.shape], ['UINT8', [3n, 1n, 50n, 50n]])
  assert.deepEqual(
    rawInputContents.map((bytes) => new Uint8Array(bytes)),
    [crops],
  )
  assert.deepEqual(new Uint8Array(encodeRequest('HTTP', crops)), crops)
})

test('encodeBadRequest makes requests whose shape, type and bytes are wrong, as far as the protocol can say so', () => {
  const sent = badKindsOf('gRPC').map((kind) => {
    const { inputs, rawInputContents } = fromBinary(ModelInferRequestSchema, encodeBadRequest('gRPC', kind))
    return [kind, inputs[0]?.datatype, inputs[0]?.shape.join(), rawInputContents[0]?.length]
  })
  assert.deepEqual(sent, [
    ['shape', 'UINT8', '1,1,40,40', 1600],
    ['type', 'FP32', '1,1,50,50', 10_000],
    ['bytes', 'UINT8', '1,1,50,50', 1000],
  ])
  const lengths = badKindsOf('HTTP').map((kind) => encodeBadRequest('HTTP', kind).length)
  assert.deepEqual(lengths, [1600, 1000])
})

test('decodeAnswer reads logits that travel raw and those that do not, and refuses too few', () => {
  const tensor = { name: 'logits', datatype: 'FP32', shape: [2n, 2n] }
  const answer = (given: object) => toBinary(ModelInferResponseSchema, create(ModelInferResponseSchema, given))
  const asRaw = answer({ outputs: [tensor], rawOutputContents: [raw] })
  const asNumbers = answer({ outputs: [{ ...tensor, contents: { fp32Contents: [...logits] } }] })
  assert.deepEqual(decodeAnswer('gRPC', asRaw, 2), logits)
  assert.deepEqual(decodeAnswer('gRPC', asNumbers, 2), logits)
  assert.deepEqual(decodeAnswer('HTTP', raw, 2), logits)
  assert.throws(() => decodeAnswer('HTTP', raw, 3), { code: 'internal' })
  assert.throws(() => decodeAnswer('gRPC', answer({}), 1), { code: 'internal' })
})

test('isSame allows rounding and nothing more', () => {
  assert.ok(isSame(Float32Array.of(10.001, -5), Float32Array.of(10, -5)))
  assert.ok(!isSame(Float32Array.of(10.1, -5), Float32Array.of(10, -5)))
  assert.ok(!isSame(Float32Array.of(Number.NaN, -5), Float32Array.of(10, -5)))
})
