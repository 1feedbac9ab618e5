import assert from 'node:assert/strict'
import test from 'node:test'
import { create } from '@bufbuild/protobuf'
import { ClassifyProgressiveRequestSchema } from '../gen/pelletline/inference/v1/inference_pb.ts'
import { grayCrops } from '../shared/onnx/test-support/tiny-model.ts'
import { systemClock } from '../shared/service/clock.ts'
import { answerProgressive } from './answer-progressive.ts'
import { createThresholdChooser } from './choose-threshold.ts'
import { noLineThresholds } from './line-thresholds.ts'
import { settled } from './test-support/manual-pool.ts'
import { createManualStudent, streamTerms } from './test-support/manual-student.ts'

const choose = createThresholdChooser({ lines: noLineThresholds, clock: systemClock })

function setUp(options: { workers?: number; maxBatch?: number; crops: number }) {
  const manual = createManualStudent(options)
  const { terms, leave } = streamTerms()
  const crops = Array.from({ length: options.crops }, (_, i) => grayCrops(i % 250))
  const request = create(ClassifyProgressiveRequestSchema, { crops })
  const answers = answerProgressive(request, { student: manual.student, choose, terms })
  return { ...manual, answers, leave }
}

async function readAll(answers: ReturnType<typeof answerProgressive>) {
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
