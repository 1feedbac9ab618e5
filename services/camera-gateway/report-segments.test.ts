import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestRegistry } from '../../test/support/line-registry.ts'
import { createLocalClient } from '../shared/rpc/local-client.ts'
import { systemClock } from '../shared/service/clock.ts'
import { createLogger } from '../shared/telemetry/logger.ts'
import { createSegmentReporter, type LotSegment } from './report-segments.ts'

const first = { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: 'run-1' }
const segmentOf = (strip: number): LotSegment => ({
  first: { ...first, strip: BigInt(strip) },
  strips: 1n,
  lot: `lot-${strip}`,
})
/** One on its way, and as many as may wait. */
const full = Array.from({ length: 257 }, (_, strip) => segmentOf(strip))

function openReporter() {
  const errors: { segments: number; lots: string[]; msg: string }[] = []
  const stream = {
    write(line: string) {
      const entry = JSON.parse(line)
      if (entry.level === 'error') errors.push(entry)
    },
  }
  const registry = createTestRegistry()
  const reporter = createSegmentReporter({
    registry: createLocalClient(registry.implementation),
    clock: systemClock,
    logger: createLogger({ service: 'camera-gateway', level: 'info', stream }),
    retryFirstMs: 5,
    retryMaxMs: 5,
  })
  return { registry, reporter, errors }
}

test('a drain ends in its time while the registry is away, and says of every segment that it was not reported', async () => {
  const { registry, reporter, errors } = openReporter()
  registry.refuse(Number.POSITIVE_INFINITY)
  await reporter.report(full)
  const waiting = reporter.report([segmentOf(257), segmentOf(258)])
  assert.equal(await reporter.drain(50), 259)
  await waiting
  assert.deepEqual([registry.reports.length, errors.length, errors[0]!.segments], [0, 1, 259])
  assert.deepEqual(errors[0]!.lots.slice(-2), ['lot-257', 'lot-258'])
})

test('a drain reports what waits for room too, once the registry is there', async () => {
  const { registry, reporter, errors } = openReporter()
  registry.refuse(3)
  await reporter.report(full)
  void reporter.report([segmentOf(257), segmentOf(258)])
  assert.equal(await reporter.drain(60_000), 0)
  assert.deepEqual(
    registry.reports.map(({ strip }) => strip),
    Array.from({ length: 259 }, (_, strip) => BigInt(strip)),
  )
  assert.deepEqual(errors, [])
})

test('a segment that comes after the drain is said to be lost', async () => {
  const { registry, reporter, errors } = openReporter()
  await reporter.drain(1000)
  await reporter.report([])
  await reporter.report([segmentOf(7)])
  assert.deepEqual(registry.reports, [])
  assert.deepEqual(
    errors.map(({ lots, msg }) => [lots, /came after the drain.*check it/.test(msg)]),
    [[['lot-7'], true]],
  )
})
