import assert from 'node:assert/strict'
import test from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { create } from '@bufbuild/protobuf'
import { ClassifyProgressiveRequestSchema } from '../gen/pelletline/inference/v1/inference_pb.ts'
import type { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { grayCrops } from '../shared/onnx/test-support/tiny-model.ts'
import { systemClock } from '../shared/service/clock.ts'
import { createProgressive } from './answer-progressive.ts'
import { createThresholdChooser } from './choose-threshold.ts'
import { noLineThresholds } from './line-thresholds.ts'
import { createHandClock } from './test-support/hand-clock.ts'
import { settled } from './test-support/manual-pool.ts'
import { createManualStudent, streamTerms } from './test-support/manual-student.ts'

const choose = createThresholdChooser({ lines: noLineThresholds, clock: systemClock })

type Answers = ReturnType<ReturnType<typeof createProgressive>>

const requestOf = (crops: Uint8Array[]) => create(ClassifyProgressiveRequestSchema, { crops })

function createAnswers(options: { workers?: number; maxBatch?: number; maxCropsHeld?: number } = {}) {
  const manual = createManualStudent(options)
  const { student } = manual
  const clock = createHandClock()
  const answer = createProgressive({ student, ongoing: student, enter: () => () => {}, choose, clock, ...options })
  return { ...manual, answer, pass: clock.pass }
}

function setUp(options: { workers?: number; maxBatch?: number; crops: number }) {
  const { answer, ...manual } = createAnswers(options)
  const { terms, leave } = streamTerms()
  const crops = Array.from({ length: options.crops }, (_, i) => grayCrops(i % 250))
  return { ...manual, answers: answer(requestOf(crops), terms), leave }
}

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => assert.fail('it was answered'),
    (error: PelletlineError) => error,
  )

async function readAll(answers: Answers) {
  const all = []
  for await (const answer of answers) all.push(answer)
  return all
}

test('progressive answers come in the order of the crops, whichever batch ends first', async () => {
  const { pool, answers } = setUp({ workers: 2, crops: 48 })
  const firsts: (number | undefined)[] = []
  const read = async () => {
    for await (const { first, results } of answers) {
      const [result] = results!
      assert.ok(result!.result!.case === 'classification')
      assert.equal(result!.result!.value.margin, first! - 128)
      firsts.push(first)
    }
  }
  const reading = read()
  await settled()
  for (const batch of pool.batches.toReversed()) {
    batch.finish()
    await settled()
    if (batch !== pool.batches[0]) assert.deepEqual(firsts, [])
  }
  for (let i = 2; firsts.length < 3; i += 1) {
    pool.batches[i]?.finish()
    await settled()
  }
  await reading
  assert.deepEqual(firsts, [0, 16, 32])
})

test('the first progressive answer is there while the other crops are still judged', async () => {
  const { pool, answers, finishAll } = setUp({ crops: 64 })
  const first = answers.next()
  await settled()
  pool.batches[0]!.finish()
  assert.deepEqual([(await first).value!.first, pool.batches.length < 4], [0, true])
  const rest = readAll(answers)
  await finishAll()
  assert.deepEqual(
    (await rest).map(({ first }) => first),
    [16, 32, 48],
  )
})

test('progressive answers have as many crops as a run takes, from 16 to 256', async () => {
  for (const [maxBatch, crops, sizes] of [
    [1, 40, [16, 16, 8]],
    [32, 70, [32, 32, 6]],
    [1024, 300, [256, 44]],
  ] as const) {
    const { answers, finishAll } = setUp({ maxBatch, crops })
    const all = readAll(answers)
    await settled()
    await finishAll()
    assert.deepEqual(
      (await all).map(({ results }) => results!.length),
      sizes,
    )
  }
})

test('a reader that does not read holds the rest of a progressive request back', async () => {
  const { pool, answers, finishAll } = setUp({ crops: 4000 })
  const first = answers.next()
  await settled()
  await finishAll()
  await first
  const judged = pool.batches.reduce((sum, { firstPixels }) => sum + firstPixels.length, 0)
  // Two parts for its worker and two more, and the one that was read.
  assert.ok(judged <= 5 * 16, `${judged} crops were judged`)
  await answers.return(undefined)
})

test('a progressive request whose reader leaves is judged no further', async () => {
  const { pool, batcher, answers, leave, finishAll } = setUp({ crops: 4000 })
  const first = answers.next()
  await settled()
  pool.batches[0]!.finish()
  await first
  leave()
  await assert.rejects(answers.next(), { code: 'cancelled' })
  assert.equal(batcher.queued(), 0)
  const { length } = pool.batches
  await finishAll()
  assert.equal(pool.batches.length, length)
})

test('a progressive request ends with the failure of a part, and what was in hand of it is not computed', async () => {
  const { pool, batcher, answers } = setUp({ crops: 4000 })
  const first = answers.next()
  await settled()
  pool.batches[0]!.fail(new Error('the run failed'))
  await assert.rejects(first, /the run failed/)
  await settled()
  assert.equal(batcher.queued(), 0)
})

test('crops of progressive requests that are not read are bounded, and what is read, or left by its reader, makes room', async () => {
  const { answer, finishAll } = createAnswers({ maxCropsHeld: 100 })
  const ask = (count: number) => {
    const { terms, leave } = streamTerms()
    const answers = answer(requestOf(Array.from({ length: count }, () => new Uint8Array(7))), terms)
    return { answers, first: answers.next(), leave }
  }
  const held = ask(60)
  await held.first
  const other = ask(40)
  await other.first
  const refused = await failureOf(ask(1).first)
  assert.deepEqual([refused.code, refused.retryable, refused.retryAfterMs], ['resource_exhausted', true, 1000])
  assert.match(refused.message, /hold 100 of at most 100 crops and 1 more do not fit; send them again in 1000 ms/)
  // The second answer is asked for once the first one was read.
  await held.answers.next()
  const third = ask(16)
  await third.first
  assert.equal((await failureOf(ask(1).first)).code, 'resource_exhausted')
  await other.answers.return(undefined)
  assert.equal((await readAll(ask(40).answers)).length, 2)
  await held.answers.return(undefined)
  await third.answers.return(undefined)
  assert.equal((await readAll(ask(100).answers)).length, 6)
  await finishAll()
})

test('the message of a progressive request is not kept while its reader stands still, nor are crops that were judged', async () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const { answer, finishAll } = createAnswers()
  // As they come over gRPC: each crop is a view of the message.
  const ask = () => {
    const message = new Uint8Array(80 * 2500 + 4_000_000)
    const crops = Array.from({ length: 80 }, (_, i) => message.subarray(i * 2500, (i + 1) * 2500))
    const answers = answer(requestOf([...crops, message.subarray(80 * 2500)]), streamTerms().terms)
    return { answers, message: new WeakRef(message.buffer) }
  }
  const { answers, message } = ask()
  const first = answers.next()
  await settled()
  await finishAll()
  assert.equal((await first).value!.first, 0)
  for (let i = 0; i < 20 && message.deref() !== undefined; i += 1) {
    await settled()
    collect()
  }
  assert.equal(message.deref(), undefined)
  const rest = readAll(answers)
  for (let i = 0; i < 10; i += 1) {
    await settled()
    await finishAll()
  }
  const { result } = (await rest).at(-1)!.results!.at(-1)!
  assert.equal(result!.case === 'error' && result!.value.message!.startsWith('4000000 bytes; '), true)
})

test('a progressive request whose answer waits 30 s for its reader is given up and makes room, one that waits for its judging is not', async () => {
  const { answer, batcher, pass, finishAll, pool } = createAnswers({ maxCropsHeld: 100 })
  const crops = Array.from({ length: 100 }, () => grayCrops(50))
  const answers = answer(requestOf(crops), streamTerms().terms)
  const first = answers.next()
  await settled()
  await pass(60_000)
  await finishAll()
  assert.equal((await first).value!.first, 0)
  await pass(29_999)
  const second = answers.next()
  await settled()
  await finishAll()
  assert.equal((await second).value!.first, 16)
  await pass(29_999)
  assert.equal((await failureOf(answer(requestOf(crops), streamTerms().terms).next())).code, 'resource_exhausted')
  await pass(1)
  await settled()
  assert.equal(batcher.queued(), 0)
  const { length } = pool.batches
  await finishAll()
  assert.equal(pool.batches.length, length)
  const others = readAll(answer(requestOf(crops.map(() => new Uint8Array(1))), streamTerms().terms))
  assert.equal((await others).length, 7)
  const { code, message } = await failureOf(answers.next())
  assert.equal(code, 'deadline_exceeded')
  assert.match(
    message,
    /^An answer to a progressive request waited 30000 ms for its reader; send the crops that follow again/,
  )
  assert.equal((await readAll(answer(requestOf(crops.map(() => new Uint8Array(1))), streamTerms().terms))).length, 7)
})
