import assert from 'node:assert/strict'
import test from 'node:test'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { InferencePool, InferencePoolOptions } from '../../shared/onnx/inference-pool.ts'
import { createPoolOpener } from './create-pool-opener.ts'

/**
 * Opens pools on a clock that only runs of the network move: a batch takes `crops / cropsPerSecond` of its shape. A pool that is
 * refused rejects.
 */
function setUp(
  cropsPerSecond: (shape: string) => number,
  options: { workers?: number; threadsPerWorker?: number; provider?: 'cpu' | 'cuda' } = {},
  refused?: string,
) {
  let nowMs = 0
  let runs = 0
  const opened: string[] = []
  const closed: string[] = []
  const warmUps: unknown[] = []
  const createPool = async (of: InferencePoolOptions) => {
    const shape = `${of.workers}x${of.threadsPerWorker}`
    if (shape === refused) throw new PelletlineError('failed_precondition', `${shape} is refused`)
    opened.push(shape)
    warmUps.push(of.warmUp)
    const runBatch: InferencePool['runBatch'] = async (count, fill) => {
      runs += 1
      fill(new Uint8Array(count * 2500))
      const ms = (1000 * count) / cropsPerSecond(shape)
      nowMs += ms
      return { logits: new Float32Array(2 * count), computeUs: 1000 * ms }
    }
    const { maxBatch = 32, workers = 1 } = of
    return {
      workers,
      maxBatch,
      slotsPerWorker: 2,
      runBatch,
      close: async () => void closed.push(shape),
    } as InferencePool
  }
  const opener = createPoolOpener({
    options: { workers: undefined, threadsPerWorker: undefined, provider: 'cpu', ...options },
    cores: 4,
    nowMs: () => nowMs,
    createPool,
  })
  return { opener, opened, closed, warmUps, runs: () => runs, elapsedMs: () => nowMs }
}

const model = { modelPath: 'm.onnx', maxBatch: 32 }

test('sessions that are configured are used, and nothing is measured', async () => {
  const cases = [
    [{ workers: 3 }, '3x1'],
    [{ threadsPerWorker: 2 }, '4x2'],
    [{ workers: 1, threadsPerWorker: 4 }, '1x4'],
    [{ provider: 'cuda' }, '1x1'],
  ] as const
  for (const [options, shape] of cases) {
    const { opener, opened, closed } = setUp(() => 1000, options)
    const { sessions } = await opener.open(model)
    assert.deepEqual([opened, closed, sessions.measured], [[shape], [], []])
  }
})

test('where nothing is configured the fastest sessions are chosen by measurement, the others are ended, and later models keep to it', async () => {
  const { opener, opened, closed, elapsedMs } = setUp((shape) => (shape === '2x2' ? 1500 : 1000))
  const { sessions, curve } = await opener.open(model)
  assert.deepEqual([sessions.workers, sessions.threadsPerWorker], [2, 2])
  assert.deepEqual(
    [opened, closed],
    [
      ['4x1', '2x2', '1x4', '2x4'],
      ['4x1', '1x4', '2x4'],
    ],
  )
  assert.deepEqual(
    sessions.measured.map(({ cropsPerSecond }) => cropsPerSecond.map(Math.round)),
    [
      [1000, 1000, 1000],
      [1500, 1500, 1500],
      [1000, 1000, 1000],
      [1000, 1000, 1000],
    ],
  )
  assert.ok(curve.costMs(32) > 0)
  // Curves, then three slices for each of four shapes; a slice overruns by the batches in hand.
  assert.ok(elapsedMs() < 10_000, `${elapsedMs()} ms`)
  const again = await opener.open(model)
  assert.deepEqual([opened.at(-1), opened.length, again.sessions], ['2x2', 5, sessions])
})

test('a model that is loaded beside another warms its workers in turn', async () => {
  for (const options of [{}, { workers: 2 }]) {
    const { opener, warmUps } = setUp(() => 1000, options)
    await opener.open(model)
    const first = warmUps.length
    await opener.open(model)
    await opener.open(model)
    assert.deepEqual(new Set(warmUps.slice(0, first)), new Set(['together']))
    assert.deepEqual(warmUps.slice(first), ['inTurn', 'inTurn'])
  }
})

test('one session stays where nothing is faster by the margin', async () => {
  const { opener, closed } = setUp((shape) => (shape === '4x1' ? 1090 : 1000))
  const { sessions } = await opener.open(model)
  assert.deepEqual([sessions.workers, sessions.threadsPerWorker, closed], [1, 4, ['4x1', '2x2', '2x4']])
})

test('on a slow machine one round is enough', async () => {
  const { opener } = setUp(() => 2)
  const { sessions } = await opener.open({ ...model, maxBatch: 4 })
  assert.deepEqual(
    sessions.measured.map(({ cropsPerSecond }) => cropsPerSecond.length),
    [1, 1, 1, 1],
  )
})

test('a model that one shape refuses leaves no pool behind, and the next one is measured', async () => {
  const { opener, opened, closed } = setUp(() => 1000, {}, '1x4')
  await assert.rejects(opener.open(model), { message: '1x4 is refused' })
  assert.deepEqual(closed, opened)
  await assert.rejects(opener.open(model), { message: '1x4 is refused' })
  assert.deepEqual(opened, ['4x1', '2x2', '4x1', '2x2'])
})
