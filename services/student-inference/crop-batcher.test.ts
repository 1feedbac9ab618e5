import assert from 'node:assert/strict'
import test from 'node:test'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { grayCrops } from '../shared/onnx/test-support/tiny-model.ts'
import { straightCurve } from './batching/policies.ts'
import { createCropBatcher, type Lane, patientFactor, type WhenFull } from './crop-batcher.ts'
import { listedCrops, packedCrops } from './crop-source.ts'
import { createHandClock } from './test-support/hand-clock.ts'
import { createManualPool, settled } from './test-support/manual-pool.ts'

function setUp(options: { workers?: number; maxBatch?: number; limit?: number } = {}) {
  const { workers = 1, maxBatch = 4, limit = 8 } = options
  const pool = createManualPool({ workers, maxBatch })
  const batcher = createCropBatcher({
    pool,
    clock: createHandClock(),
    limits: { rpc: limit, bus: limit },
    curve: straightCurve(0.5, 0.5, [1, 2, 4]),
  })
  const submit = (
    levels: number[],
    lane: Lane = 'rpc',
    rest: { whenFull?: WhenFull; share?: string; signal?: AbortSignal; withinMs?: number } = {},
  ) => batcher.submit(packedCrops(grayCrops(...levels)), { lane, whenFull: rest.whenFull ?? 'refuse', ...rest })
  const contents = () => pool.batches.map((batch) => batch.firstPixels)
  return { pool, batcher, submit, contents }
}

const margins = (levels: number[]) => levels.map((level) => level - 128)

test('crop batcher starts at once and merges what queues meanwhile', async () => {
  const { pool, batcher, submit, contents } = setUp()
  const first = submit([1])
  const second = submit([2, 3])
  const third = submit([4], 'bus')
  assert.deepEqual(contents(), [[1]])
  assert.equal(batcher.queued(), 3)
  pool.batches[0]!.finish()
  await first
  await settled()
  assert.deepEqual(contents(), [[1], [2, 3, 4]])
  pool.batches[1]!.finish()
  assert.deepEqual([...(await second).margins], margins([2, 3]))
  assert.equal((await third).batchSize, 3)
})

test('crop batcher spreads a large caller over batches and gives its margins in order', async () => {
  const { pool, submit } = setUp({ limit: 100 })
  const levels = Array.from({ length: 10 }, (_, i) => 100 + i)
  const judged = submit(levels)
  for (let i = 0; i < 3; i += 1) {
    await settled()
    pool.batches[i]!.finish()
  }
  assert.deepEqual([...(await judged).margins], margins(levels))
})

test('crop batcher shares a batch between lanes, so that a backlog of the bus does not starve a caller', async () => {
  const { pool, submit, contents } = setUp({ limit: 100 })
  const backlog = submit(
    Array.from({ length: 12 }, () => 9),
    'bus',
  )
  const caller = submit([1, 2])
  await settled()
  pool.batches[0]!.finish()
  await settled()
  assert.deepEqual(contents()[2], [1, 2, 9, 9])
  pool.batches[1]!.finish()
  pool.batches[2]!.finish()
  assert.deepEqual([...(await caller).margins], margins([1, 2]))
  await settled()
  pool.batches[3]!.finish()
  assert.equal((await backlog).margins.length, 12)
})

test('crop batcher lets an urgent caller go first and nobody pass a caller who is patient', async () => {
  const { pool, submit, contents } = setUp({ limit: 100 })
  const all = [submit([1]), submit([2], 'rpc', { withinMs: 3_600_000 }), submit([3])]
  all.push(submit([4], 'rpc', { withinMs: 1 }))
  for (let i = 0; i < 2; i += 1) {
    pool.batches[i]!.finish()
    await settled()
  }
  await Promise.all(all)
  assert.deepEqual(contents(), [[1], [4, 2, 3]])
})

test('crop batcher refuses what does not fit into a full queue, with a retry hint, and takes it later', async () => {
  const { pool, submit } = setUp({ maxBatch: 1, limit: 3 })
  const taken = [submit([1]), submit([2]), submit([3, 4, 5])]
  const refused = await submit([6]).then(
    () => undefined,
    (error) => error,
  )
  assert.ok(refused instanceof PelletlineError)
  assert.equal(refused.code, 'resource_exhausted')
  assert.ok(refused.retryable && refused.retryAfterMs! > 0)
  pool.batches[0]!.finish()
  await taken[0]
  await settled()
  void submit([6])
  for (let i = 1; i < 6; i += 1) {
    pool.batches[i]!.finish()
    await settled()
  }
  await Promise.all(taken)
})

test('crop batcher lets a patient caller wait for room and keeps the order of those who wait', async () => {
  const { pool, submit, contents } = setUp({ maxBatch: 1, limit: 2 })
  const all = [1, 2, 3, 4, 5, 6].map((level) => submit([level], 'bus', { whenFull: 'wait' }))
  for (let i = 0; i < 6; i += 1) {
    await settled()
    pool.batches[i]!.finish()
  }
  await Promise.all(all)
  assert.deepEqual(contents(), [[1], [2], [3], [4], [5], [6]])
})

test('crop batcher judges a caller of one crop soon although streams have more waiting than there is room for', async () => {
  const { pool, submit, contents } = setUp({ maxBatch: 4, limit: 8 })
  const stream = (share: string) => submit(new Array<number>(40).fill(9), 'rpc', { whenFull: 'wait', share })
  const streams = [stream('a'), stream('a'), stream('b'), stream('b')]
  const callers = [submit([1], 'rpc', { share: 'c' }), submit([2], 'rpc', { share: 'd' })]
  for (let i = 0; pool.batches.length > i; i += 1) {
    pool.batches[i]!.finish()
    await settled()
  }
  await Promise.all([...streams, ...callers])
  const judgedIn = [1, 2].map((level) => contents().findIndex((batch) => batch.includes(level)))
  assert.equal(contents().length, 41)
  // Each stream may be two full batches ahead of its share, and two more were in the worker's hands.
  assert.ok(Math.max(...judgedIn) <= 6, `${judgedIn}`)
})

test('crop batcher bounds what waits for room, and refuses a stream beyond with a retry hint', async () => {
  const { batcher, submit } = setUp({ maxBatch: 1, limit: 2 })
  const cancel = new AbortController()
  const wait = () => submit([1, 2], 'rpc', { whenFull: 'wait', signal: cancel.signal })
  const all: Promise<unknown>[] = []
  // Those in the workers' hands, those that are queued, and those that wait for room.
  for (let i = 0; i < 2 + patientFactor; i += 1) all.push(wait())
  await assert.rejects(wait(), (error: PelletlineError) => {
    assert.equal(error.code, 'resource_exhausted')
    assert.ok(error.retryAfterMs! > 0)
    assert.match(error.message, /of at most 30 crops of streams wait/)
    return true
  })
  const ended = Promise.allSettled(all)
  cancel.abort()
  await ended
  assert.equal(batcher.queued(), 0)
  // Those who left hold no room any more.
  const again = new AbortController()
  const later = submit([3], 'rpc', { whenFull: 'wait', signal: again.signal })
  again.abort()
  await assert.rejects(later, { code: 'cancelled' })
})

test('crop batcher counts fill, waits and reasons of each flow beside those of all', async () => {
  const { pool, batcher, submit } = setUp({ maxBatch: 4 })
  const all = [submit([1]), submit([2, 3], 'bus'), submit([4])]
  for (let i = 0; i < 2; i += 1) {
    await settled()
    pool.batches[i]!.finish()
  }
  const judged = await Promise.all(all)
  const { fill, reasons, flows } = batcher.report()
  assert.equal(
    fill.counts.reduce((sum, n) => sum + n, 0),
    2,
  )
  assert.equal(reasons.idle, 2)
  const of = (name: string) => {
    const { crops, fill, waitMs, reasons } = flows.get(name)!
    const sum = (counts: readonly number[]) => counts.reduce((total, n) => total + n, 0)
    return { crops, batches: sum(fill.counts), waits: sum(waitMs.counts), idle: reasons.idle }
  }
  assert.deepEqual(of('rpc'), { crops: 2, batches: 2, waits: 2, idle: 2 })
  assert.deepEqual(of('bus'), { crops: 2, batches: 1, waits: 2, idle: 1 })
  for (const { queuedUs, batchedUs } of judged) assert.ok(queuedUs >= 0 && batchedUs >= 0)
})

test('crop batcher takes a request larger than the limit into an empty queue', async () => {
  const { pool, submit } = setUp({ maxBatch: 8, limit: 2 })
  const judged = submit([1, 2, 3, 4])
  pool.batches[0]!.finish()
  assert.equal((await judged).margins.length, 4)
})

test('crop batcher does not compute the crops of a caller who has left', async () => {
  const { pool, batcher, submit, contents } = setUp({ limit: 3 })
  const cancel = new AbortController()
  const first = submit([1])
  const left = submit([2], 'rpc', { signal: cancel.signal })
  const waiting = submit([4], 'rpc', { signal: cancel.signal, whenFull: 'wait' })
  const stays = submit([6], 'rpc', { whenFull: 'wait' })
  cancel.abort()
  await assert.rejects(left, { code: 'cancelled' })
  await assert.rejects(waiting, { code: 'cancelled' })
  assert.equal(batcher.queued(), 1)
  pool.batches[0]!.finish()
  await first
  await settled()
  pool.batches[1]!.finish()
  await stays
  assert.deepEqual(contents(), [[1], [6]])
  await assert.rejects(submit([7], 'rpc', { signal: AbortSignal.abort() }), { code: 'cancelled' })
})

test('crop batcher fails only the callers of a batch that fails', async () => {
  const { pool, submit, contents } = setUp()
  const first = submit([1])
  const long = submit([2, 3, 4, 5, 6])
  pool.batches[0]!.finish()
  await first
  await settled()
  assert.deepEqual(contents()[1], [2, 3, 4, 5])
  const other = submit([7], 'bus')
  pool.batches[1]!.fail(new PelletlineError('unavailable', 'A worker died.'))
  await assert.rejects(long, { code: 'unavailable' })
  await settled()
  assert.deepEqual(contents().slice(2), [[7]])
  pool.batches[2]!.finish()
  assert.deepEqual([...(await other).margins], margins([7]))
})

test('crop batcher gives no number for a crop that the network could not score, and one for its neighbours', async () => {
  const { pool, submit } = setUp()
  const judged = submit([12, 13, 14])
  pool.batches[0]!.finish()
  assert.deepEqual([...(await judged).margins], [-116, Number.NaN, -114])
})

test('crop batcher is idle once nothing waits and nothing is computed', async () => {
  const { pool, batcher, submit } = setUp()
  await batcher.idle()
  const judged = submit([1])
  let idle = false
  const waiting = batcher.idle().then(() => {
    idle = true
  })
  await settled()
  assert.equal(idle, false)
  pool.batches[0]!.finish()
  await judged
  await waiting
})

test('crop batcher tells when the last crop of a lane has been put into a batch, whatever the other lane holds', async () => {
  const { pool, batcher, submit } = setUp({ limit: 100 })
  const line = submit([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 'bus', { whenFull: 'wait' })
  const patient = submit([12], 'bus', { whenFull: 'wait' })
  let taken = false
  const telling = batcher.taken('bus').then(() => (taken = true))
  await settled()
  assert.equal(taken, false)
  const caller = submit([20, 21, 22, 23, 24, 25, 26, 27], 'rpc', { withinMs: 3_600_000 })
  for (let i = 0; !taken; i += 1) {
    assert.ok(batcher.queued() > 0)
    pool.batches[i]!.finish()
    await settled()
  }
  await telling
  await batcher.taken('bus')
  let judged = false
  const all = Promise.all([line, patient, caller]).then(() => (judged = true))
  while (!judged) {
    for (const batch of pool.batches) batch.finish()
    await settled()
  }
  await all
})

test('listedCrops copies crops that lie apart into one batch', () => {
  const target = new Uint8Array(2 * 2500)
  listedCrops([grayCrops(1), grayCrops(2), grayCrops(3)]).copyTo(target, 1, 2)
  assert.deepEqual(target, grayCrops(2, 3))
})
