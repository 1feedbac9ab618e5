import assert from 'node:assert/strict'
import test from 'node:test'
import { create } from '@bufbuild/protobuf'
import { ModelRefSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import type { PoolState } from '../shared/onnx/inference-pool.ts'
import { describeIntegerInstructions } from '../shared/onnx/integer-instructions.ts'
import type { ModelManifest } from '../shared/onnx/model-manifest.ts'
import { grayCrops } from '../shared/onnx/test-support/tiny-model.ts'
import { systemClock } from '../shared/service/clock.ts'
import { createBatcherStatistics } from './batcher-statistics.ts'
import { straightCurve } from './batching/policies.ts'
import { createCropBatcher } from './crop-batcher.ts'
import type { InferOptions } from './open-inference/served-models.ts'
import { type ServedStudent, serveStudentModel } from './serve-student-model.ts'
import { createHandClock } from './test-support/hand-clock.ts'
import { createManualPool, settled } from './test-support/manual-pool.ts'

function setUp(limit = 100, dtype = 'uint8') {
  const pool = createManualPool({ workers: 1, maxBatch: 8 })
  const statistics = createBatcherStatistics(systemClock)
  const curve = straightCurve(0.5, 0.5, [1, 2, 4, 8])
  const limits = { rpc: limit, bus: limit }
  const batcher = statistics.count(
    createCropBatcher({ pool, clock: createHandClock(), limits, curve, onRun: statistics.onRun }),
  )
  const manifest = {
    id: 'student-1',
    sha256: 'ab',
    classes: ['OK', 'NG'],
    input: { name: 'pellet', dtype },
    output: { name: 'logits' },
  } as unknown as ModelManifest
  const model = create(ModelRefSchema, { id: 'student-1', sha256: 'ab' })
  const sessions = { provider: 'cpu' as const, workers: 1, threadsPerWorker: 1, measured: [] }
  let ownState: PoolState = 'ready'
  let otherState: PoolState = 'ready'
  const shared = { batcher, model, threshold: 1, sessions, workersAtWork: () => 1, maxBatch: 8, statistics }
  const student: ServedStudent = { ...shared, manifest, state: () => ownState }
  const other: ServedStudent = { ...shared, manifest: { ...manifest, id: 'student-2' }, state: () => otherState }
  let refusal: PelletlineError | undefined
  const models = serveStudentModel({
    student() {
      if (refusal !== undefined) throw refusal
      return student
    },
    ready: () => refusal === undefined,
    find: (id) => new Map([student, other].map((one) => [one.manifest.id, one])).get(id),
    states: () => ['student-1', 'student-2'].map((version) => ({ version, state: 'READY', reason: '' })),
    stored: () => [
      { id: 'student-2', reason: '' },
      { id: 'student-3', reason: '' },
      { id: 'student-4', reason: 'it is not signed' },
    ],
    control: { load: async () => {}, unload: async () => {} },
  })
  const served = models.find('student', '')
  const infer = (levels: readonly number[], options: Partial<InferOptions> = {}) =>
    served.infer(grayCrops(...levels), levels.length, {
      whenFull: 'refuse',
      signal: new AbortController().signal,
      ...options,
    })
  return {
    pool,
    models,
    served,
    infer,
    refuse: (error: PelletlineError) => (refusal = error),
    stand: (own: PoolState, ofOther: PoolState) => {
      ownState = own
      otherState = ofOther
    },
  }
}

/** The manual pool's logits. */
const logits = (...levels: readonly number[]) => levels.flatMap((level) => [0, level - 128])

test('served student gives each caller the logits of its own crops', async () => {
  const { pool, infer } = setUp()
  const first = infer([10])
  const second = infer([20, 21])
  const third = infer([30])
  pool.batches[0]!.finish()
  await settled()
  assert.deepEqual(pool.batches[1]!.firstPixels, [20, 21, 30])
  pool.batches[1]!.finish()
  assert.deepEqual([...(await first)], logits(10))
  assert.deepEqual([...(await second)], logits(20, 21))
  assert.deepEqual([...(await third)], logits(30))
})

test('served student refuses only the request whose crop got no finite score, its neighbours in the batch are answered', async () => {
  const { pool, infer } = setUp()
  const before = infer([1])
  // The manual pool gives NaN for a crop of level 13.
  const bad = infer([20, 13])
  const good = infer([30])
  pool.batches[0]!.finish()
  await before
  await settled()
  assert.deepEqual(pool.batches[1]!.firstPixels, [20, 13, 30])
  pool.batches[1]!.finish()
  await assert.rejects(bad, { code: 'internal', message: /student-1 gave no finite score for crop 1 of 2/ })
  assert.deepEqual([...(await good)], logits(30))
})

test('served student computes nothing for a caller that has gone before its batch', async () => {
  const { pool, infer } = setUp()
  const caller = new AbortController()
  const before = infer([1])
  const gone = infer([20], { signal: caller.signal })
  const after = infer([30])
  caller.abort()
  await assert.rejects(gone, { code: 'cancelled' })
  await assert.rejects(infer([40], { signal: caller.signal }), { code: 'cancelled' })
  pool.batches[0]!.finish()
  await before
  await settled()
  assert.deepEqual(pool.batches[1]!.firstPixels, [30])
  pool.batches[1]!.finish()
  await after
})

test('served student refuses what does not fit its queue with a wait, or lets the caller wait', async () => {
  const { pool, infer } = setUp(2)
  const all = [infer([1]), infer([2, 3])]
  const refused = await infer([4]).then(
    () => undefined,
    (error) => error,
  )
  assert.ok(refused instanceof PelletlineError && refused.code === 'resource_exhausted' && refused.retryAfterMs! > 0)
  all.push(infer([5], { whenFull: 'wait' }))
  for (let i = 0; i < 3; i += 1) {
    pool.batches[i]?.finish()
    await settled()
  }
  await Promise.all(all)
})

test('served student counts crops, batches by size, answers and failures', async () => {
  const { pool, infer, served } = setUp()
  const all = [infer([1]), infer([2, 3, 4]), infer([13])]
  pool.batches[0]!.finish()
  await settled()
  pool.batches[1]!.finish()
  await Promise.allSettled(all)
  const failing = infer([9])
  pool.batches[2]!.fail(new PelletlineError('unavailable', 'The worker died.'))
  await assert.rejects(failing)
  const { items, success, fail, runs, lastRunMs } = served.statistics()
  assert.deepEqual([items, success.count, fail.count], [5, 3, 1])
  assert.deepEqual(
    runs.map(({ batchSize, compute }) => [batchSize, compute]),
    [
      [1, { count: 1, ns: 1_000_000n }],
      [4, { count: 1, ns: 1_000_000n }],
    ],
  )
  assert.ok(Date.now() - lastRunMs < 60_000)
})

test('served student is found by its name with the id of its file as version, and says so of others', () => {
  const { models, served, refuse } = setUp()
  assert.equal(models.find('student', 'student-1'), served)
  const facts = served.facts()
  assert.equal(facts['sha256'], 'ab')
  assert.deepEqual(
    ['precision', 'provider', 'threads_per_session', 'integer_instructions'].map((name) => facts[name]),
    ['float16', 'cpu', '1', describeIntegerInstructions()],
  )
  assert.throws(() => models.find('teacher', ''), { code: 'not_found', message: /there is "student"/ })
  assert.throws(() => models.find('student', '2'), { code: 'not_found', message: /there is "student-1"/ })
  refuse(new PelletlineError('unavailable', 'It is being loaded.', { retryAfterMs: 5 }))
  assert.throws(() => models.find('student', ''), { code: 'unavailable' })
  assert.throws(() => models.find('teacher', ''), { code: 'not_found' })
})

test('served student is found by the id of its file as a name too, under which a client has loaded it', () => {
  const { models, refuse } = setUp()
  for (const version of ['', 'student-2']) {
    const { name, version: found } = models.find('student-2', version)
    assert.deepEqual([name, found], ['student-2', 'student-2'])
  }
  assert.equal(models.find('student', 'student-2').name, 'student')
  assert.throws(() => models.find('student-2', '1'), { code: 'not_found', message: /there is "student-2"/ })
  refuse(new PelletlineError('unavailable', 'It is being stopped.'))
  assert.throws(() => models.find('student-2', ''), { code: 'unavailable' })
})

test('each served version is ready by its own workers, whatever those of the others do', () => {
  const { models, stand } = setUp()
  const ready = () => [models.find('student', '').ready(), models.find('student', 'student-2').ready()]
  assert.deepEqual(ready(), [true, true])
  stand('degraded', 'failed')
  assert.deepEqual(ready(), [true, false])
  stand('failed', 'recovering')
  assert.deepEqual(ready(), [false, true])
  stand('ready', 'closed')
  assert.deepEqual(ready(), [true, false])
})

test('what may be loaded is listed by the names that a load takes, with what has been loaded', () => {
  const { models } = setUp()
  assert.deepEqual(
    models.repository!().map(({ name, version, state, reason }) => [name, version, state, reason]),
    [
      ['student-1', 'student-1', 'READY', ''],
      ['student-2', 'student-2', 'READY', ''],
      ['student-3', 'student-3', 'UNAVAILABLE', 'in the store and not loaded'],
      ['student-4', 'student-4', 'UNAVAILABLE', 'it is not signed'],
    ],
  )
})

test('served student that takes floats says so, and takes whole grays only', async () => {
  const { pool, served } = setUp(100, 'float32')
  assert.equal(served.input.datatype, 'FP32')
  const how = { whenFull: 'refuse', signal: new AbortController().signal } as const
  const floats = Float32Array.from(grayCrops(20, 255))
  const answer = served.infer(floats, 2, how)
  assert.deepEqual(pool.batches[0]!.firstPixels, [20, 255])
  pool.batches[0]!.finish()
  assert.deepEqual([...(await answer)], logits(20, 255))
  for (const bad of [0.5, -1, 256]) {
    const message = new RegExp(`^inputs\\.pellet: element 7 of item 1 is ${bad}; it takes whole grays, 0 to 255`)
    await assert.rejects(served.infer(floats.with(2507, bad), 2, how), { code: 'invalid_argument', message })
  }
  assert.equal(pool.batches.length, 1)
})
