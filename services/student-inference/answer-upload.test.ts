import assert from 'node:assert/strict'
import test from 'node:test'
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import {
  type ClassifyUploadRequest,
  ClassifyUploadRequestSchema,
  ClassifyUploadResponseSchema,
} from '../gen/pelletline/inference/v1/inference_pb.ts'
import { ModelRefSchema, Verdict } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { grayCrops } from '../shared/onnx/test-support/tiny-model.ts'
import { defaultMaxMessageBytes } from '../shared/rpc/channel-options.ts'
import { systemClock } from '../shared/service/clock.ts'
import { createUploads, maxCropsPerUpload } from './answer-upload.ts'
import { createThresholdChooser } from './choose-threshold.ts'
import { createLineThresholds } from './line-thresholds.ts'
import { createHandClock } from './test-support/hand-clock.ts'
import { createLineRegistry } from './test-support/line-registry.ts'
import { settled } from './test-support/manual-pool.ts'
import { createManualStudent, streamTerms } from './test-support/manual-student.ts'

function setUp(options: { workers?: number; maxBatch?: number; maxResultsHeld?: number } = {}) {
  const manual = createManualStudent(options)
  const registry = createLineRegistry({ 'line-1': 5, 'line-2': 6 })
  const lines = createLineThresholds({ registry, clock: systemClock, timeoutMs: 1000, waitingLimit: 100 })
  const choose = createThresholdChooser({ lines, clock: systemClock })
  const clock = createHandClock()
  const answer = createUploads({ student: manual.student, choose, maxMessagesInHand: 4, clock, ...options })
  return { ...manual, answer, pass: clock.pass }
}

const message = (init: MessageInitShape<typeof ClassifyUploadRequestSchema>) =>
  create(ClassifyUploadRequestSchema, init)
const dark = (count: number) => message({ crops: Array.from({ length: count }, () => grayCrops(50)) })
/** Crops that never reach the network. */
const none = (count: number) => message({ crops: Array.from({ length: count }, () => new Uint8Array(0)) })
const fullUpload = Array.from({ length: 4 }, () => none(4096))

async function* send(...messages: readonly ClassifyUploadRequest[]) {
  yield* messages
}

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => assert.fail('it was answered'),
    (error: PelletlineError) => error,
  )

test('an upload is judged while more of it comes, and answered in the order sent, whichever batch ends first', async () => {
  const { pool, answer, finishAll } = setUp({ workers: 2, maxBatch: 2 })
  const gate = Promise.withResolvers<void>()
  async function* messages() {
    yield message({ crops: [grayCrops(1), new Uint8Array(7), grayCrops(2)] })
    yield message({ crops: [grayCrops(3)] })
    await gate.promise
    yield message({ crops: [grayCrops(13), grayCrops(4)] })
  }
  const answered = answer(messages(), streamTerms().terms)
  await settled()
  assert.ok(pool.batches.length >= 2)
  for (const batch of pool.batches.toReversed()) {
    batch.finish()
    await settled()
  }
  gate.resolve()
  await settled()
  await finishAll()
  const { results, timing } = await answered
  assert.deepEqual(
    results!.map(({ result }) => (result!.case === 'classification' ? result!.value.margin : result!.value!.code)),
    [-127, 3, -126, -125, 13, -124],
  )
  assert.ok(timing!.computedUs! > 0 && timing!.batchSize! >= 1)
})

test('an upload takes its threshold from its first message, and later ones may repeat it', async () => {
  const { answer, finishAll } = setUp()
  const applied = async (...messages: ClassifyUploadRequest[]) => {
    const answered = answer(send(...messages), streamTerms().terms)
    for (let i = 0; i < 5; i += 1) {
      await settled()
      await finishAll()
    }
    const { results } = await answered
    return results!.map(({ result }) => (result!.case === 'classification' ? result!.value.threshold : result!.case))
  }
  const crops = [grayCrops(50)]
  assert.deepEqual(
    await applied(message({ crops, threshold: 2 }), dark(1), message({ crops, threshold: 2 })),
    [2, 2, 2],
  )
  assert.deepEqual(
    await applied(message({ crops, line: 'line-1' }), dark(1), message({ crops, line: 'line-1' })),
    [5, 5, 5],
  )
  assert.deepEqual(await applied(dark(1), dark(1)), [0, 0])
})

test('a later message of an upload that names another threshold or line is refused by name, and all of it ends', async () => {
  const crops = [grayCrops(50)]
  for (const [first, later, text] of [
    [{ threshold: 2 }, { threshold: 3 }, /names threshold 3 and its first one threshold 2, which holds for all of it/],
    [{ line: 'line-1' }, { line: 'line-2' }, /names line line-2 and its first one line line-1/],
    [{ line: 'line-1' }, { threshold: 5 }, /names threshold 5 and its first one no threshold/],
    [{}, { line: 'line-1' }, /names line line-1 and its first one no line/],
  ] as const) {
    const { answer, batcher } = setUp()
    const { terms } = streamTerms()
    const refused = await failureOf(
      answer(send(message({ crops, ...first }), dark(40), message({ crops, ...later })), terms),
    )
    assert.equal(refused.code, 'invalid_argument')
    assert.match(refused.message, text)
    assert.equal(batcher.queued(), 0)
  }
})

test('an upload without a crop is refused', async () => {
  const refused = await failureOf(setUp().answer(send(), streamTerms().terms))
  assert.deepEqual([refused.code, /send at least one message/.test(refused.message)], ['invalid_argument', true])
})

test('an upload of one crop too many is refused as soon as it comes, with what to do', async () => {
  const { answer } = setUp()
  assert.equal((await answer(send(...fullUpload), streamTerms().terms)).results!.length, maxCropsPerUpload)
  async function* messages() {
    yield* [dark(1), ...fullUpload]
    // It is refused before its caller has ended.
    await new Promise(() => {})
  }
  const refused = await failureOf(answer(messages(), streamTerms().terms))
  assert.equal(refused.code, 'invalid_argument')
  assert.match(refused.message, /has 16385 crops and more may follow; at most 16384 are taken\. End it before/)
})

test('results that unfinished uploads hold are bounded, and those of an upload that ends make room', async () => {
  const { answer } = setUp({ maxResultsHeld: 1000 })
  const gate = Promise.withResolvers<void>()
  let taken = 0
  async function* held() {
    yield none(500)
    taken += 1
    await gate.promise
  }
  const uploads = [answer(held(), streamTerms().terms), answer(held(), streamTerms().terms)]
  while (taken < 2) await settled()
  const refused = await failureOf(answer(send(none(1)), streamTerms().terms))
  assert.deepEqual([refused.code, refused.retryable, refused.retryAfterMs], ['resource_exhausted', true, 1000])
  assert.match(refused.message, /hold 1000 of at most 1000 results/)
  gate.resolve()
  await Promise.all(uploads)
  assert.equal((await answer(send(none(1000)), streamTerms().terms)).results!.length, 1000)
})

test('an upload is read no further than it is judged', async () => {
  const { batcher, answer, finishAll } = setUp()
  let sent = 0
  async function* messages() {
    for (; sent < 40; sent += 1) yield dark(16)
  }
  const answered = answer(messages(), streamTerms().terms)
  for (let i = 0; i < 10; i += 1) await settled()
  assert.ok(sent <= 6, `${sent} messages were read`)
  while (sent < 40 || batcher.queued() > 0) {
    await finishAll()
    await settled()
  }
  await finishAll()
  assert.equal((await answered).results!.length, 640)
})

test('an upload whose caller goes is judged no further', async () => {
  const { pool, batcher, answer, finishAll } = setUp()
  const { terms, leave } = streamTerms()
  async function* messages() {
    for (;;) yield dark(64)
  }
  const answered = failureOf(answer(messages(), terms))
  await settled()
  assert.ok(batcher.queued() > 0)
  leave()
  assert.equal((await answered).code, 'cancelled')
  assert.equal(batcher.queued(), 0)
  const { length } = pool.batches
  await finishAll()
  assert.equal(pool.batches.length, length)
})

test('an upload ends with the failure of a message, what was in hand of it is not computed, and what comes then is not counted', async () => {
  const { pool, batcher, answer } = setUp({ maxResultsHeld: 1000 })
  const gate = Promise.withResolvers<void>()
  let ended = false
  async function* messages() {
    try {
      yield dark(16)
      yield dark(64)
      await gate.promise
      for (;;) yield none(500)
    } finally {
      ended = true
    }
  }
  const failed = failureOf(answer(messages(), streamTerms().terms))
  await settled()
  pool.batches[0]!.fail(new Error('the run failed'))
  assert.match((await failed).message, /the run failed/)
  assert.equal(batcher.queued(), 0)
  gate.resolve()
  while (!ended) await settled()
  assert.equal((await answer(send(none(1000)), streamTerms().terms)).results!.length, 1000)
})

test('the answer to the largest upload fits the 4 MiB that clients take, whatever the id of the model', () => {
  const model = create(ModelRefSchema, { id: 'm'.repeat(128), sha256: 'f'.repeat(64) })
  const longest = [
    {
      case: 'classification' as const,
      value: { verdict: Verdict.NG, margin: 1e30, scoreNg: 1, threshold: -1e30, model },
    },
    {
      case: 'error' as const,
      value: {
        code: 13,
        message: `model ${model.id} gave no finite score for this crop; report the crop and the model`,
      },
    },
    { case: 'error' as const, value: { code: 3, message: '4294967295 bytes; a crop has 2500: 50x50 gray, row-major' } },
  ]
  const sizeOf = (init: MessageInitShape<typeof ClassifyUploadResponseSchema>) =>
    toBinary(ClassifyUploadResponseSchema, create(ClassifyUploadResponseSchema, init)).length
  const most = 0xffff_ffff
  const timing = sizeOf({ timing: { queuedUs: most, computedUs: most, batchSize: most, batchedUs: most } })
  const sizes = longest.map((result) => sizeOf({ results: [{ result }] }))
  assert.equal(Math.max(...sizes), 223)
  assert.ok(maxCropsPerUpload * 223 + timing <= defaultMaxMessageBytes)
})

test('an upload of which nothing comes for 30 s ends and makes room, one that goes on or is held back does not', async () => {
  const { answer, pass, finishAll } = setUp({ maxResultsHeld: 1000 })
  const gates = Array.from({ length: 3 }, () => Promise.withResolvers<void>())
  async function* idle() {
    yield none(500)
    await new Promise(() => {})
  }
  async function* slow() {
    yield none(400)
    for (const { promise } of gates) {
      await promise
      yield none(1)
    }
  }
  async function* silent() {
    await new Promise(() => {})
    yield none(1)
  }
  const uploads = [idle(), silent()].map((messages) => failureOf(answer(messages, streamTerms().terms)))
  const slowly = answer(slow(), streamTerms().terms)
  // Of a student that judges for longer than that: its caller has nothing to wait for.
  const held = setUp()
  const heldBack = held.answer(send(...Array.from({ length: 8 }, () => dark(16))), streamTerms().terms)
  await settled()
  await held.pass(60_000)
  for (const { resolve } of gates) {
    await pass(29_999)
    resolve()
    await settled()
    await settled()
  }
  for (const ended of uploads) {
    const { code, message } = await ended
    assert.equal(code, 'deadline_exceeded')
    assert.match(message, /^No message of the upload came for 30000 ms; send all of it again without such a pause/)
  }
  assert.equal((await slowly).results!.length, 403)
  assert.equal((await answer(send(none(1000)), streamTerms().terms)).results!.length, 1000)
  for (let i = 0; i < 12; i += 1) {
    await held.finishAll()
    await settled()
  }
  assert.equal((await heldBack).results!.length, 128)
  await finishAll()
})

test('an upload that sends a crop every 29 s ends after five minutes of waiting for it, and makes room', async () => {
  const { answer, pass } = setUp({ maxResultsHeld: 1000 })
  let next = Promise.withResolvers<void>()
  async function* trickling() {
    yield none(500)
    for (;;) {
      await next.promise
      next = Promise.withResolvers<void>()
      yield none(1)
    }
  }
  const failure = failureOf(answer(trickling(), streamTerms().terms))
  for (let i = 0; i < 11; i += 1) {
    await settled()
    await pass(29_000)
    next.resolve()
    await settled()
  }
  const { code, message } = await failure
  assert.equal(code, 'deadline_exceeded')
  assert.match(message, /waited for 300000 ms in all; send all of it again in less, in smaller uploads/)
  assert.equal((await answer(send(none(1000)), streamTerms().terms)).results!.length, 1000)
})
