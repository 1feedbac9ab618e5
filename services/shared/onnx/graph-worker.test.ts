import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createGraphWorker } from './graph-worker.ts'
import { decodeModel, encodeModel, modelProto, nodeProto, tensorProto, valueInfo } from './onnx-proto.ts'

const worker = createGraphWorker({ threads: 1 })
after(() => worker.close())

/** y = a x + b, element by element. */
function lineModel() {
  return modelProto({
    name: 'line',
    node: [nodeProto('Mul', ['x', 'a'], ['ax']), nodeProto('Add', ['ax', 'b'], ['y'])],
    initializer: [tensorProto('b', 'float32', [], Float32Array.of(0.5))],
    input: [valueInfo('x', 'float32', ['N']), valueInfo('a', 'float32', [])],
    output: [valueInfo('y', 'float32', ['N'])],
  })
}

const real = (...values: number[]) => ({
  type: 'float32' as const,
  dims: [values.length],
  data: Float32Array.from(values),
})
const factor = { type: 'float32' as const, dims: [], data: Float32Array.of(2) }

test('graph worker runs a model and keeps tensors between runs', async () => {
  await worker.load('line', encodeModel(lineModel()))
  await worker.put({ a: factor, x: real(1, 2) })
  const feeds = { x: { kept: 'x' }, a: { kept: 'a' } }
  for (let i = 0; i < 2; i++)
    assert.deepEqual(await worker.run({ model: 'line', feeds, keep: { y: 'x' }, fetch: [] }), {})
  const { x } = await worker.get(['x'])
  assert.deepEqual([...(x!.data as Float32Array)], [5.5, 9.5])
  // What was read is a copy: the kept one is still there.
  assert.deepEqual([...((await worker.get(['x']))['x']!.data as Float32Array)], [5.5, 9.5])
})

test('graph worker releases the model whose name another one takes, and keeps it where that one fails', async () => {
  // 64 MiB that ONNX Runtime computes once, when it loads: what is not released shows in the memory of the process.
  const heavy = () =>
    encodeModel(
      modelProto({
        name: 'heavy',
        node: [nodeProto('Expand', ['b', 'shape'], ['w']), nodeProto('Add', ['x', 'w'], ['y'])],
        initializer: [
          tensorProto('b', 'float32', [], Float32Array.of(0.5)),
          tensorProto('shape', 'int64', [1], BigInt64Array.of(2n ** 24n)),
        ],
        input: [valueInfo('x', 'float32', [1])],
        output: [valueInfo('y', 'float32', ['N'])],
      }),
    )
  const own = createGraphWorker({ threads: 1 })
  try {
    const residentMb = async (loads: number) => {
      for (let i = 0; i < loads; i++) await own.load('heavy', heavy())
      return process.memoryUsage.rss() / 2 ** 20
    }
    const [first, last] = [await residentMb(2), await residentMb(10)]
    assert.ok(last - first < 320, `${first} MiB after two loads, ${last} MiB after ten more`)
    await assert.rejects(own.load('heavy', new TextEncoder().encode('not a model')), {
      message: /loading heavy failed/,
    })
    const { y } = await own.run({ model: 'heavy', feeds: { x: real(1) }, keep: {}, fetch: ['y'] })
    assert.equal((y!.data as Float32Array).at(-1), 1.5)
  } finally {
    await own.close()
  }
})

test('graph worker says which model failed and why, and serves on', async () => {
  await worker.load('line', encodeModel(lineModel()))
  const run = (feeds: Parameters<typeof worker.run>[0]['feeds']) =>
    worker.run({ model: 'line', feeds, keep: {}, fetch: ['y'] })
  await assert.rejects(run({ x: real(1) }), { code: 'internal', message: /running line failed in ONNX Runtime: .*'a'/ })
  await assert.rejects(run({ x: { kept: 'nothing' }, a: { kept: 'nothing' } }), {
    message: /no tensor is kept under nothing/,
  })
  await assert.rejects(worker.load('text', new TextEncoder().encode('not a model')), { message: /loading text failed/ })
  const { y } = await run({ x: real(3), a: { type: 'float32', dims: [], data: Float32Array.of(2) } })
  assert.deepEqual([...(y!.data as Float32Array)], [6.5])
})

test('graph worker rejects what waits when it is closed, and what comes after', async () => {
  const mortal = createGraphWorker({ threads: 1 })
  const waiting = assert.rejects(mortal.load('line', encodeModel(lineModel())), { code: 'cancelled' })
  await mortal.close()
  await waiting
  await assert.rejects(mortal.get(['x']), { code: 'cancelled', message: /has been closed/ })
})

test('ONNX model comes back from its bytes, and other bytes are refused by their source', () => {
  const model = decodeModel(encodeModel(lineModel()), 'line.onnx')
  assert.deepEqual(model, lineModel())
  assert.throws(() => decodeModel(new TextEncoder().encode('hello'), 'x.onnx'), {
    code: 'data_loss',
    message: /x\.onnx/,
  })
  assert.throws(() => decodeModel(new Uint8Array(), 'empty.onnx'), { message: /empty\.onnx .*holds no graph/ })
})
