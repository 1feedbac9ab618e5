import assert from 'node:assert/strict'
import test from 'node:test'
import { withServer } from '../../test/support/with-server.ts'
import { type CropResult, StudentInferenceService } from '../gen/pelletline/inference/v1/inference_pb.ts'
import { grayCrops } from '../shared/onnx/test-support/tiny-model.ts'
import { createRpcClient } from '../shared/rpc/create-rpc-client.ts'
import { marginOf, useTinyStudent } from './test-support/tiny-student.ts'

const serve = useTinyStudent()
const serverBytes = { maxMessageBytes: 16 * 1024 * 1024 }
const turn = () => new Promise((resolve) => setImmediate(resolve))

const grays = (count: number, level: number) => Array.from({ length: count }, () => grayCrops(level))

/** Gray level by which a crop was judged, or the code of its error. */
function levelOf({ result }: CropResult): number | string {
  if (result.case === 'classification') return Math.round(128 - 10 * result.value.margin) + 0
  return result.case === 'error' ? `error ${result.value.code}` : 'nothing'
}

test('an upload over gRPC gets one answer in the order sent, a wrong crop within it by an error', async () => {
  const { student } = await serve({ options: { maxBatch: 8 } })
  await withServer(student.implementations, async ({ client }) => {
    async function* messages() {
      for (let i = 0; i < 20; i += 1) {
        yield { crops: [grayCrops(i * 10), new Uint8Array(i === 7 ? 3 : 2500), grayCrops(i)] }
      }
    }
    const { results, timing } = await client(StudentInferenceService).classifyUpload(messages())
    const expected = Array.from({ length: 20 }, (_, i) => [i * 10, i === 7 ? 'error 3' : 0, i])
    assert.deepEqual(results.map(levelOf), expected.flat())
    assert.ok(timing!.computedUs > 0 && timing!.batchSize >= 1)
  })
})

test('the largest upload comes back whole to a client that takes 4 MiB, and one more crop is refused', async () => {
  const { student } = await serve({ options: { maxBatch: 1024 } })
  await withServer(
    student.implementations,
    async ({ client, server }) => {
      // Its answers are bounded by the default of clients, and no message that it sends is larger.
      const plain = createRpcClient(StudentInferenceService, { address: server.address })
      const mixed = [...grays(2, 50), ...Array.from({ length: 1022 }, () => new Uint8Array(1))]
      async function* messages(count: number) {
        for (let i = 0; i < count; i += 1) yield { crops: mixed }
      }
      try {
        const { results } = await plain.classifyUpload(messages(16))
        assert.equal(results.length, 16_384)
        assert.deepEqual(results.slice(-1024).map(levelOf).slice(0, 3), [50, 50, 'error 3'])
      } finally {
        plain.close()
      }
      await assert.rejects(client(StudentInferenceService).classifyUpload(messages(17)), {
        code: 'invalid_argument',
        message: /has 17408 crops and more may follow; at most 16384 are taken/,
      })
    },
    serverBytes,
  )
})

test('readers of streams have 30 s for an answer, under either service', async () => {
  const { student } = await serve()
  assert.deepEqual(
    student.implementations.map(({ readTimeoutMs }) => readTimeoutMs),
    [30_000, 30_000],
  )
})

test('an upload is judged while its caller has still more to send', async () => {
  const { student, client } = await serve()
  async function* messages() {
    yield { crops: grays(3, 50) }
    for (;;) {
      const { flows } = await client.getBatching({})
      if (flows[0]?.crops === 3n) break
      await turn()
    }
    yield { crops: grays(1, 200) }
  }
  await withServer(student.implementations, async ({ client: remote }) => {
    const { results } = await remote(StudentInferenceService).classifyUpload(messages())
    assert.deepEqual(results.map(levelOf), [50, 50, 50, 200])
  })
})

test('an upload and a progressive request whose callers go in the middle are computed no further', async () => {
  // Less room than the upload fills: its messages wait for it.
  const { student } = await serve({ options: { maxBatch: 1, queueLimit: 500 } })
  await withServer(
    student.implementations,
    async ({ client }) => {
      const remote = client(StudentInferenceService)
      const gone = new AbortController()
      async function* messages() {
        for (;;) yield { crops: grays(400, 1) }
      }
      const upload = remote.classifyUpload(messages(), { signal: gone.signal })
      while (student.snapshot().queued < 400) await turn()
      gone.abort()
      await assert.rejects(upload, { code: 'cancelled' })
      while (student.snapshot().queued > 0) await turn()
      for await (const { first } of remote.classifyProgressive({ crops: grays(1000, 1) })) {
        assert.equal(first, 0)
        break
      }
      while (student.snapshot().queued > 0) await turn()
      await student.drain(5000)
    },
    serverBytes,
  )
})

test('an empty upload, and an empty message of one, are refused', async () => {
  const { client } = await serve()
  async function* messages(...crops: Uint8Array[][]) {
    for (const some of crops) yield { crops: some }
  }
  const nothing = { code: 'invalid_argument', message: /ended without a crop/ }
  await assert.rejects(client.classifyUpload(messages()), nothing)
  const empty = { code: 'invalid_argument', message: /ClassifyUploadRequest is not valid: crops/ }
  await assert.rejects(client.classifyUpload(messages(grays(1, 1), [])), empty)
})

test('an upload that has not ended when the student drains ends as unavailable', async () => {
  const { student, client } = await serve()
  const gate = Promise.withResolvers<void>()
  const taken = Promise.withResolvers<void>()
  async function* messages() {
    yield { crops: grays(3, 50) }
    taken.resolve()
    await gate.promise
    yield { crops: grays(3, 50) }
  }
  const refused = assert.rejects(client.classifyUpload(messages()), { code: 'unavailable' })
  await taken.promise
  const drained = student.drain(5000)
  gate.resolve()
  await refused
  await drained
})

test('a progressive request over gRPC gets its results in order with the place of each, a wrong crop by an error', async () => {
  const { student } = await serve({ options: { maxBatch: 16 } })
  const levels = Array.from({ length: 100 }, (_, i) => 2 * i)
  const crops = levels.map((level, i) => (i % 9 === 4 ? new Uint8Array(i) : grayCrops(level)))
  await withServer(student.implementations, async ({ client }) => {
    const firsts: number[] = []
    const judged: (number | string)[] = []
    for await (const { first, results, timing } of client(StudentInferenceService).classifyProgressive({ crops })) {
      assert.equal(first, judged.length)
      assert.ok(timing!.computedUs > 0)
      firsts.push(first)
      judged.push(...results.map(levelOf))
    }
    assert.deepEqual(firsts, [0, 16, 32, 48, 64, 80, 96])
    assert.deepEqual(
      judged,
      levels.map((level, i) => (i % 9 === 4 ? 'error 3' : level)),
    )
  })
})

test('a progressive request of more than 4,096 crops, or of none, is refused', async () => {
  const { client } = await serve()
  const none = Array.from({ length: 4097 }, () => new Uint8Array(0))
  for (const crops of [none, []]) {
    await assert.rejects(client.classifyProgressive({ crops })[Symbol.asyncIterator]().next(), {
      code: 'invalid_argument',
      message: /ClassifyProgressiveRequest is not valid: crops/,
    })
  }
})

test('a progressive request that came before the drain is answered whole, one that comes after is refused', async () => {
  const { student, client } = await serve({ options: { maxBatch: 16 } })
  const read = client.classifyProgressive({ crops: grays(640, 50) })[Symbol.asyncIterator]()
  const results = [...(await read.next()).value!.results]
  let isDrained = false
  const drained = student.drain(60_000).then(() => (isDrained = true))
  for (let i = 0; i < 20; i += 1) await turn()
  assert.equal(isDrained, false)
  await assert.rejects(
    client
      .classifyProgressive({ crops: grays(1, 50) })
      [Symbol.asyncIterator]()
      .next(),
    {
      code: 'unavailable',
    },
  )
  for (let next = await read.next(); !next.done; next = await read.next()) results.push(...next.value.results)
  assert.equal(results.length, 640)
  assert.ok(results.every((result) => levelOf(result) === 50))
  await drained
})

test('a progressive request that nobody reads to its end is given up when the patience of the drain has passed', async () => {
  const { student, client } = await serve({ options: { maxBatch: 16 } })
  const read = client.classifyProgressive({ crops: grays(640, 50) })[Symbol.asyncIterator]()
  await read.next()
  await student.drain(50)
  const readAll = async () => {
    while (!(await read.next()).done);
  }
  await assert.rejects(readAll(), { code: 'unavailable' })
})

test('the margin of every crop comes with its verdict, whatever the call', async () => {
  const { client } = await serve()
  const crops = [grayCrops(118), grayCrops(138)]
  async function* once() {
    yield { crops }
  }
  const uploaded = await client.classifyUpload(once())
  for await (const { results } of client.classifyProgressive({ crops })) {
    for (const [i, level] of [118, 138].entries()) {
      for (const { result } of [results[i]!, uploaded.results[i]!]) {
        assert.ok(result.case === 'classification' && Math.abs(result.value.margin - marginOf(level)) < 1e-4)
      }
    }
  }
})
