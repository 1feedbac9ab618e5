import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { checkInputs, checkOutputs } from './check-input.ts'
import type { CallInput, InputData } from './infer-call.ts'
import type { ServedDatatype } from './served-models.ts'
import { createFakeModels } from './test-support/fake-models.ts'

const itemBytes = 2500
const modelOf = (datatype: ServedDatatype) => createFakeModels({ datatype }).find('student', '')
const uint8 = modelOf('UINT8')
const fp32 = modelOf('FP32')

const raw = (bytes: Uint8Array): InputData => ({ kind: 'raw', bytes })
const numbers = (list: readonly number[], datatype: ServedDatatype = 'UINT8'): InputData => ({
  kind: 'numbers',
  numbers: list,
  datatypes: [datatype],
})

function input(rest: Partial<CallInput> = {}): CallInput {
  const data = raw(new Uint8Array(itemBytes))
  return { name: 'pellet', datatype: 'UINT8', shape: [1n, 1n, 50n, 50n], parameters: [], data, ...rest }
}

function refusal(inputs: readonly CallInput[], model = uint8): string {
  try {
    checkInputs(model, inputs)
  } catch (error) {
    assert.ok(error instanceof PelletlineError)
    assert.equal(error.code, 'invalid_argument')
    return error.message
  }
  return assert.fail('the input was accepted')
}

test('checkInputs takes raw bytes as they lie, without a copy', () => {
  const bytes = new Uint8Array(3 * itemBytes).fill(9)
  const { elements, count } = checkInputs(uint8, [input({ shape: [3n, 1n, 50n, 50n], data: raw(bytes) })])
  assert.equal(count, 3)
  assert.equal(elements.buffer, bytes.buffer)
})

test('checkInputs takes numbers of the type of the model, raw floats wherever they lie', () => {
  const list = Array.from({ length: itemBytes }, (_, i) => i % 256)
  assert.deepEqual([...checkInputs(uint8, [input({ data: numbers(list) })]).elements], list)
  const floats = Float32Array.from(list, (value) => value / 3)
  const odd = Buffer.alloc(1 + floats.byteLength)
  odd.set(new Uint8Array(floats.buffer), 1)
  for (const data of [raw(odd.subarray(1)), numbers([...floats], 'FP32')]) {
    assert.deepEqual(checkInputs(fp32, [input({ datatype: 'FP32', data })]).elements, floats)
  }
})

test('checkInputs refuses inputs that are missing, unknown or given twice', () => {
  assert.match(refusal([]), /"pellet" is there 0 times/)
  assert.match(refusal([input(), input()]), /"pellet" is there 2 times/)
  assert.match(refusal([input(), input({ name: 'image' })]), /no input "image"; its only input is "pellet"/)
  assert.ok(refusal([input({ name: 'x'.repeat(1_000_000) })]).length < 300)
})

test('checkInputs refuses another element type by name, FP32 for a model of bytes as well', () => {
  assert.match(refusal([input({ datatype: 'FP32' })]), /pellet\.datatype: "FP32"; student takes UINT8/)
  assert.match(refusal([input()], fp32), /"UINT8"; student takes FP32/)
  assert.match(refusal([input({ datatype: '' })]), /student takes UINT8/)
})

test('checkInputs refuses shapes of a wrong rank, of huge and negative dimensions, without forming their product', () => {
  const huge = 2n ** 63n - 1n
  for (const shape of [[], [1n], [1n, 50n, 50n], [1n, 1n, 50n, 49n], [1n, huge, huge, huge], [1n, 1n, -50n, -50n]]) {
    assert.match(refusal([input({ shape })]), /shape: .*; student takes \[N,1,50,50\]/)
  }
  for (const batch of [0n, -1n, 4097n, huge, 1.5, Number.NaN]) {
    assert.match(refusal([input({ shape: [batch, 1n, 50n, 50n] })]), /N is a whole number from 1 to 4096/)
  }
  assert.ok(refusal([input({ shape: Array.from({ length: 100_000 }, () => 1n) })]).length < 200)
})

test('checkInputs refuses data that is missing, truncated, too long, or in the field of another type', () => {
  assert.match(refusal([input({ data: { kind: 'none' } })]), /it has no data/)
  assert.match(refusal([input({ data: raw(new Uint8Array(2499)) })]), /2499 bytes; UINT8 of its shape are 2500/)
  assert.match(refusal([input({ data: raw(new Uint8Array(2501)) })]), /2501 bytes/)
  assert.match(refusal([input({ data: numbers([1, 2]) })]), /2 elements; its shape has 2500/)
  assert.match(refusal([input({ data: numbers([1], 'FP32') })]), /a field for other types than UINT8/)
})

test('checkInputs names the first element that the type does not hold', () => {
  for (const bad of [256, -1, 1.5, Number.NaN]) {
    const list = new Array<number>(itemBytes).fill(7)
    list[42] = bad
    assert.match(refusal([input({ data: numbers(list) })]), /element 42 is (256|-1|1\.5|NaN); UINT8 holds 0 to 255/)
  }
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const floats = new Float32Array(2 * itemBytes)
    floats[itemBytes + 3] = bad
    const both = { datatype: 'FP32', shape: [2n, 1n, 50n, 50n], data: raw(new Uint8Array(floats.buffer)) }
    assert.match(refusal([input(both)], fp32), /element 3 of item 1 is (NaN|Infinity); every element must be finite/)
  }
})

test('checkInputs refuses tensors in shared memory as not offered', () => {
  const inputs = [input({ parameters: ['shared_memory_region'] })]
  assert.throws(() => checkInputs(uint8, inputs), { code: 'unimplemented', message: /shared memory/ })
})

test('checkOutputs refuses outputs that are unknown or asked for twice, and the classification extension', () => {
  const logits = { name: 'logits', parameters: [] }
  checkOutputs(uint8, [])
  checkOutputs(uint8, [logits])
  assert.throws(() => checkOutputs(uint8, [{ name: 'x', parameters: [] }]), { message: /no output "x".*"logits"/ })
  assert.throws(() => checkOutputs(uint8, [logits, logits]), { code: 'invalid_argument', message: /2 times/ })
  const classes = [{ name: 'logits', parameters: ['classification'] }]
  assert.throws(() => checkOutputs(uint8, classes), { code: 'unimplemented' })
})

test('checkInputs takes exactly the inputs whose bytes fit their shape, and throws nothing but its own error', () => {
  const dimension = fc.oneof(fc.constantFrom(1n, 50n, 2n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n))
  fc.assert(
    fc.property(fc.array(dimension, { maxLength: 5 }), fc.nat(3 * itemBytes), (shape, length) => {
      const fits = String(shape.slice(1)) === '1,50,50' && shape[0]! > 0n && BigInt(length) === shape[0]! * 2500n
      try {
        checkInputs(uint8, [input({ shape, data: raw(new Uint8Array(length)) })])
        assert.ok(fits)
      } catch (error) {
        assert.ok(error instanceof PelletlineError && !fits, String(error))
      }
    }),
  )
})
