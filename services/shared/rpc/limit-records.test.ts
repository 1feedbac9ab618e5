import assert from 'node:assert/strict'
import test from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { ClassifyCropsRequestSchema } from '../../gen/pelletline/inference/v1/inference_pb.ts'
import { ModelInferRequestSchema } from '../../gen/third_party/inference/grpc_service_pb.ts'
import { limitRecords, maxNumbers, maxRecords } from './limit-records.ts'

/** A message whose one field, two bytes on the wire, comes again and again. */
const again = (record: readonly number[], times: number) => Buffer.alloc(record.length * times, Buffer.from(record))
/** The bytes as a field of that number. */
function within(number: number, bytes: Uint8Array): Uint8Array {
  const length: number[] = []
  for (let left = bytes.length; ; left >>>= 7) {
    length.push(left > 127 ? (left & 127) | 128 : left)
    if (left <= 127) return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes])
  }
}

const refused = (bytes: Uint8Array, message = /65536 records/) =>
  assert.throws(() => limitRecords(ModelInferRequestSchema, bytes), { code: 'invalid_argument', message })
/** The bytes as the contents of an input, in the field of that number. */
const contents = (number: number, bytes: Uint8Array) => within(5, within(5, within(number, bytes)))

test('limitRecords lets pass what services are sent: thousands of crops, millions of numbers, large bytes', () => {
  const crops = Array.from({ length: 4096 }, () => new Uint8Array(2500))
  const classify = toBinary(ClassifyCropsRequestSchema, create(ClassifyCropsRequestSchema, { crops }))
  limitRecords(ClassifyCropsRequestSchema, classify)
  const contents = { uintContents: new Array<number>(1_000_000).fill(200) }
  const request = create(ModelInferRequestSchema, { inputs: [{ contents }], rawInputContents: [new Uint8Array(1e7)] })
  limitRecords(ModelInferRequestSchema, toBinary(ModelInferRequestSchema, request))
  // The same field, not packed: one number a record.
  limitRecords(ModelInferRequestSchema, within(5, within(5, again([(4 << 3) | 0, 7], 200_000))))
})

test('limitRecords refuses more records than the bound, on the top, within, in maps and of unknown fields', () => {
  const inputs = [(5 << 3) | 2, 0]
  limitRecords(ModelInferRequestSchema, again(inputs, maxRecords))
  refused(again(inputs, maxRecords + 1))
  refused(again([(7 << 3) | 2, 0], 1_000_000))
  refused(within(5, within(5, again([(8 << 3) | 2, 0], 1_000_000))))
  refused(again([(4 << 3) | 2, 0], 1_000_000))
  refused(within(5, again([(4 << 3) | 2, 2, (2 << 3) | 2, 0], 40_000)))
  refused(again([(15 << 3) | 0, 1], 1_000_000))
})

test('limitRecords counts the numbers of packed lists, 64 bits as records, before a single one is decoded', () => {
  const sevens = (length: number) => Buffer.alloc(length, 7)
  // bool, int32, uint32 (1 to 10 bytes each), float and double.
  for (const [number, size] of [
    [1, 1],
    [2, 1],
    [4, 1],
    [6, 4],
    [7, 8],
  ] as const) {
    limitRecords(ModelInferRequestSchema, contents(number, sevens(size * maxNumbers)))
    refused(contents(number, sevens(size * (maxNumbers + 1))), /1048576 numbers; .* as bytes/)
  }
  // The shape, int64_contents and uint64_contents; their record is one as well, and those around it.
  limitRecords(ModelInferRequestSchema, within(5, within(3, sevens(maxRecords - 2))))
  refused(within(5, within(3, sevens(maxRecords + 1))))
  for (const number of [3, 5]) refused(contents(number, sevens(4_000_000)))
  refused(within(5, again([(3 << 3) | 0, 7], maxRecords + 1)))
  const two = again([200, 1], maxNumbers)
  limitRecords(ModelInferRequestSchema, contents(4, two))
  refused(contents(4, Buffer.concat([two, two])), /1048576 numbers/)
  refused(within(5, within(5, again([(4 << 3) | 0, 7], maxNumbers + 1))), /1048576 numbers/)
  refused(Buffer.concat([contents(4, sevens(600_000)), contents(4, sevens(600_000))]), /1048576 numbers/)
})

test('limitRecords is done with 16 MiB of packed numbers within milliseconds', () => {
  const bytes = [contents(3, Buffer.alloc(2 ** 24, 7)), contents(4, Buffer.alloc(2 ** 24, 0xff))]
  const before = process.cpuUsage()
  for (const each of bytes) refused(each, /more than/)
  const { user, system } = process.cpuUsage(before)
  assert.ok(user + system < 100_000, `${user + system} us`)
})

test('limitRecords leaves bytes that are no message to the decoder', () => {
  for (const bytes of [[0xff], [0x2a, 0xff], [0x2a, 0x05, 0x00], [0x07]]) {
    limitRecords(ModelInferRequestSchema, Uint8Array.from(bytes))
  }
})
