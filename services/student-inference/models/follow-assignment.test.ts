import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import test from 'node:test'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { create } from '@bufbuild/protobuf'
import {
  type ReportModelsRequestSchema,
  ReportModelsResponseSchema,
  WatchModelsResponseSchema,
} from '../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { CallOptions } from '../../shared/rpc/types.ts'
import { systemClock } from '../../shared/service/clock.ts'
import { silentLogger } from '../../shared/telemetry/logger.ts'
import { followAssignment, type ModelRegistry } from './follow-assignment.ts'

type Report = MessageInitShape<typeof ReportModelsRequestSchema>

/** Follows a registry that assigns once and takes every report; `reports` has them. */
function setUp(reportEveryMs: number) {
  const reports: Report[] = []
  let signal: AbortSignal | undefined
  const registry = {
    async *watchModels(_: unknown, options: CallOptions) {
      yield create(WatchModelsResponseSchema, { assignment: { generation: 1n } })
      await new Promise((_, reject) => options.signal!.addEventListener('abort', reject))
    },
    async reportModels(report: Report, options: CallOptions) {
      signal ??= options.signal
      reports.push(report)
      return create(ReportModelsResponseSchema)
    },
  } as unknown as ModelRegistry
  const follower = followAssignment({
    registry,
    instance: 'test',
    clock: systemClock,
    logger: silentLogger,
    reportEveryMs,
    onAssignment: () => {},
    describe: async () => ({ generation: 1n }),
    keepListing: async () => {},
  })
  const until = async (count: number) => {
    while (reports.length < count) await systemClock.sleep(1)
  }
  return { follower, reports, until, listeners: () => getEventListeners(signal!, 'abort').length }
}

test('a report that follows in its time leaves nothing behind of the wait before it', async () => {
  const { follower, until, listeners } = setUp(1)
  await until(3)
  const few = listeners()
  await until(60)
  assert.ok(listeners() <= few, `${listeners()} listeners, ${few} before`)
  await follower.stop(1000)
})

test('a change is reported at once, and a stop ends the pause and says that the student leaves', async () => {
  const { follower, reports, until } = setUp(60_000)
  assert.equal((await follower.first()).generation, 1n)
  await until(1)
  await systemClock.sleep(10)
  follower.report()
  await until(2)
  await follower.stop(1000)
  assert.deepEqual(
    reports.map(({ leaving }) => leaving),
    [false, false, true],
  )
  await assert.doesNotReject(follower.first())
})

test('a stop before the first assignment ends the wait for it', async () => {
  const registry = {
    async *watchModels(_: unknown, { signal }: CallOptions) {
      await new Promise((_, reject) => signal!.addEventListener('abort', reject))
    },
    reportModels: async () => {
      throw new PelletlineError('unavailable', 'not there')
    },
  } as unknown as ModelRegistry
  const follower = followAssignment({
    registry,
    instance: 'test',
    clock: systemClock,
    logger: silentLogger,
    reportEveryMs: 60_000,
    onAssignment: () => {},
    describe: async () => ({ generation: 0n }),
    keepListing: async () => {},
  })
  const first = follower.first()
  await follower.stop(100)
  await assert.rejects(first, { code: 'cancelled' })
})
