import assert from 'node:assert/strict'
import test from 'node:test'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { grayCrops } from '../shared/onnx/test-support/tiny-model.ts'
import { createTeacherScorer } from './teacher-scorer.ts'

/** Teachers whose runs end when the test says so; the margin of a crop is its gray level times the teacher's gain. */
function setUp(gains: readonly number[] = [1], options: { maxBatch?: number; queueLimit?: number } = {}) {
  const runs: { readonly teacher: number; readonly levels: number[]; finish(): void; fail(error: Error): void }[] = []
  const pools = gains.map((gain, teacher) => ({
    model: { id: `teacher-${teacher}` } as never,
    run(pixels: Uint8Array, count: number): Promise<Float32Array> {
      const levels = Array.from({ length: count }, (_, i) => pixels[i * 2500]!)
      return new Promise((resolve, reject) => {
        const logits = Float32Array.from(levels.flatMap((level) => [0, level === 13 ? Number.NaN : gain * level]))
        runs.push({ teacher, levels, finish: () => resolve(logits), fail: reject })
      })
    },
  }))
  const scorer = createTeacherScorer({
    pools,
    maxBatch: options.maxBatch ?? 4,
    queueLimit: options.queueLimit ?? 100,
    threshold: 0.5,
  })
  const score = (levels: number[], whenFull: 'refuse' | 'wait' = 'wait', signal?: AbortSignal) =>
    scorer.score(
      levels.map((level) => grayCrops(level)),
      { whenFull, signal },
    )
  return { scorer, score, runs }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

test('teacher scorer runs one teacher after the other, never two at once', async () => {
  const { score, runs } = setUp([1, 2, -1])
  const scores = score([1, 2])
  for (const [i, teacher] of [0, 1, 2].entries()) {
    await settled()
    assert.equal(runs.length, i + 1)
    assert.equal(runs[i]!.teacher, teacher)
    runs[i]!.finish()
  }
  assert.deepEqual(
    (await scores).map(({ margins }) => margins),
    [
      [1, 2, -1],
      [2, 4, -2],
    ],
  )
})

test('teacher scorer merges what has queued up to a batch and keeps a request whole', async () => {
  const { scorer, score, runs } = setUp()
  const all = [score([1]), score([2, 3]), score([4]), score([5, 6]), score([7, 8, 9, 10, 11])]
  for (let i = 0; i < 4; i += 1) {
    await settled()
    runs[i]!.finish()
  }
  await Promise.all(all)
  assert.deepEqual(
    runs.map(({ levels }) => levels),
    [[1], [2, 3, 4], [5, 6], [7, 8, 9, 10, 11]],
  )
  await scorer.idle()
})

test('teacher scorer refuses an impatient caller when too many wait, and none of those that wait', async () => {
  const { score, runs } = setUp([1], { queueLimit: 3 })
  const taken = [score([1], 'refuse'), score([2, 3], 'refuse'), score([4, 5, 6])]
  await assert.rejects(score([7, 8], 'refuse'), (error: PelletlineError) => {
    assert.equal(error.code, 'resource_exhausted')
    assert.match(error.message, /^2 of at most 3 crops of callers wait for the teachers and 2 more do not fit/)
    return error.retryable && error.retryAfterMs! > 0
  })
  for (let i = 0; i < 3; i += 1) {
    await settled()
    runs[i]!.finish()
  }
  await Promise.all(taken)
})

test('teacher scorer takes the calls that fit their queue, however much of the audit waits', async () => {
  const { scorer, score, runs } = setUp([1], { queueLimit: 3 })
  const audit = [score([1]), score([2, 3, 4, 5]), score([6, 7, 8, 9])]
  assert.equal(scorer.queued(), 0)
  const call = score([10, 11, 12], 'refuse')
  assert.equal(scorer.queued(), 3)
  await assert.rejects(score([13], 'refuse'), { code: 'resource_exhausted' })
  for (let i = 0; i < 4; i += 1) {
    await settled()
    runs[i]!.finish()
  }
  await Promise.all([...audit, call])
  assert.equal(scorer.queued(), 0)
})

test('teacher scorer does not compute for a caller that has left', async () => {
  const { score, runs } = setUp()
  const cancel = new AbortController()
  const first = score([1])
  const left = score([2], 'wait', cancel.signal)
  cancel.abort()
  await assert.rejects(left, { code: 'cancelled' })
  runs[0]!.finish()
  await first
  await settled()
  assert.equal(runs.length, 1)
})

test('teacher scorer fails a request without a finite score and answers the one beside it', async () => {
  const { score, runs } = setUp()
  const first = score([1])
  const bad = score([12, 13])
  const good = score([14])
  runs[0]!.finish()
  await first
  await settled()
  assert.deepEqual(runs[1]!.levels, [12, 13, 14])
  runs[1]!.finish()
  await assert.rejects(bad, { code: 'internal', message: /teacher-0 .* crop 1 of 2/ })
  assert.equal((await good).length, 1)
})

test('teacher scorer goes on after a run that failed', async () => {
  const { score, runs } = setUp()
  const first = score([1])
  const second = score([2])
  runs[0]!.fail(new PelletlineError('unavailable', 'A worker died.'))
  await assert.rejects(first, { code: 'unavailable' })
  await settled()
  runs[1]!.finish()
  assert.equal((await second).length, 1)
})
