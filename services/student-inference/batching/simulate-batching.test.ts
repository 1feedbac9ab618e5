import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { fairPolicy, fixedWindowPolicy, straightCurve } from './policies.ts'
import { type Arrival, simulateBatching } from './simulate-batching.ts'
import { drawArrivals, mergeArrivals, quantile } from './test-support/draw-arrivals.ts'

const [fixedMs, perCropMs, workers, maxBatch] = [0.3, 0.6, 2, 32]
const runMs = (crops: number) => fixedMs + perCropMs * crops
const capacity = (workers * maxBatch) / runMs(maxBatch)
const fair = () => fairPolicy({ workers, maxBatch, curve: straightCurve(fixedMs, perCropMs, [1, 2, 4, 8, 16, 32]) })
const window = (windowMs: number) => fixedWindowPolicy({ workers, maxBatch, windowMs })

test('simulation of batching times a request from its arrival to the end of the batch with its last crop', () => {
  const arrivals: Arrival[] = [
    { id: 0, flow: 'a', count: 1, arrivedMs: 0, deadlineMs: 50 },
    { id: 1, flow: 'a', count: 40, arrivedMs: 0.1, deadlineMs: 50 },
  ]
  const { latencyMs, batches, spanMs } = simulateBatching(
    arrivals,
    { workers: 1, runMs: (crops) => crops },
    {
      ...fixedWindowPolicy({ workers: 1, maxBatch: 32, windowMs: 0 }),
    },
  )
  assert.deepEqual(
    batches.map(({ startMs, crops }) => [startMs, crops]),
    [
      [0, 1],
      [1, 32],
      [33, 8],
    ],
  )
  assert.deepEqual([latencyMs[0], latencyMs[1], spanMs], [1, 40.9, 41])
})

test('batching answers every crop once, whoever asks and whenever', () => {
  const request = fc.record({
    gap: fc.double({ min: 0, max: 20, noNaN: true }),
    flow: fc.constantFrom('a', 'b', 'c'),
    count: fc.integer({ min: 1, max: 100 }),
  })
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 40 }), fc.boolean(), (requests, ours) => {
      let atMs = 0
      const arrivals = requests.map(({ gap, flow, count }, id) => {
        atMs += gap
        return { id, flow, count, arrivedMs: atMs, deadlineMs: atMs + 50 }
      })
      const { latencyMs, batches } = simulateBatching(arrivals, { workers, runMs }, ours ? fair() : window(3))
      const crops = requests.reduce((sum, { count }) => sum + count, 0)
      assert.equal(
        batches.reduce((sum, batch) => sum + batch.crops, 0),
        crops,
      )
      // Less what a difference of two times loses by rounding.
      assert.ok(latencyMs.every((ms) => ms >= runMs(1) - 1e-9))
    }),
  )
})

test('without a window crops are sooner on average than with one, at low and at high load', () => {
  for (const load of [0.2, 0.5, 0.8]) {
    const arrivals = mergeArrivals(drawArrivals({ cropsPerMs: load * capacity, spanMs: 5000, seed: 1 }))
    const mean = (policy: ReturnType<typeof fair>) => {
      const { latencyMs } = simulateBatching(arrivals, { workers, runMs }, policy)
      return latencyMs.reduce((sum, ms) => sum + ms, 0) / latencyMs.length
    }
    const ours = mean(fair())
    for (const windowMs of [2, 10]) assert.ok(ours < mean(window(windowMs)), `${load} ${windowMs}`)
  }
})

test('a busy line does not starve a quiet one, which waits for seconds where the first come are first served', () => {
  const arrivals = mergeArrivals(
    drawArrivals({ cropsPerMs: 1.5 * capacity, spanMs: 3000, seed: 2, count: 16, flow: 'busy' }),
    drawArrivals({ cropsPerMs: 0.1 * capacity, spanMs: 3000, seed: 3, flow: 'quiet' }),
  )
  const quietP99 = (policy: ReturnType<typeof fair>) => {
    const { latencyMs } = simulateBatching(arrivals, { workers, runMs }, policy)
    return quantile(
      arrivals.filter(({ flow }) => flow === 'quiet').map(({ id }) => latencyMs[id]!),
      0.99,
    )
  }
  assert.ok(quietP99(fair()) < 100)
  assert.ok(quietP99(window(0)) > 1000)
})

test('several lines near the limit of the machine wait no longer than where the first come are first served in the largest batches', () => {
  const arrivals = mergeArrivals(
    ...['line-1', 'line-2', 'line-3', 'line-4'].map((flow, i) =>
      drawArrivals({ cropsPerMs: (0.95 * capacity) / 4, spanMs: 5000, seed: 5 + i, count: 8, flow, withinMs: 1000 }),
    ),
  )
  const mean = (policy: ReturnType<typeof fair>) => {
    const { latencyMs } = simulateBatching(arrivals, { workers, runMs }, policy)
    return latencyMs.reduce((sum, ms) => sum + ms, 0) / latencyMs.length
  }
  const [ours, largest] = [mean(fair()), mean(window(0))]
  assert.ok(ours < 1.1 * largest, `${ours} ${largest}`)
})

test('callers who come rarely and urgently beside one line at high load are judged in time', () => {
  const arrivals = mergeArrivals(
    drawArrivals({ cropsPerMs: 0.8 * capacity, spanMs: 5000, seed: 6, count: 24, flow: 'line', withinMs: 1000 }),
    drawArrivals({ cropsPerMs: 0.1, spanMs: 5000, seed: 7, flow: 'caller', withinMs: 20 }),
  )
  const { latencyMs } = simulateBatching(arrivals, { workers, runMs }, fair())
  const callers = arrivals.filter(({ flow }) => flow === 'caller')
  const late = callers.filter(({ id, arrivedMs, deadlineMs }) => latencyMs[id]! > deadlineMs - arrivedMs)
  assert.ok(late.length < 0.01 * callers.length, `${late.length} of ${callers.length}`)
})

test('overload is worked off within 3 % of the largest batches alone', () => {
  const arrivals = mergeArrivals(drawArrivals({ cropsPerMs: 1.3 * capacity, spanMs: 3000, seed: 4 }))
  const crops = arrivals.length
  const { spanMs } = simulateBatching(arrivals, { workers, runMs }, fair())
  assert.ok(crops / spanMs > 0.97 * capacity, `${crops / spanMs} of ${capacity}`)
})
