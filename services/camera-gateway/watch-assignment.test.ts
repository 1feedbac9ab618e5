import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import test from 'node:test'
import { create } from '@bufbuild/protobuf'
import {
  RecipeSchema,
  type RegistryService,
  WatchLineResponseSchema,
} from '../gen/pelletline/registry/v1/registry_pb.ts'
import type { ServiceClient } from '../shared/rpc/types.ts'
import { systemClock } from '../shared/service/clock.ts'
import { silentLogger } from '../shared/telemetry/logger.ts'
import { watchAssignment } from './watch-assignment.ts'

test('an assignment is waited for, and asking for one that is there leaves nothing behind, however often', async () => {
  const assigned = Promise.withResolvers<void>()
  const registry = {
    async *watchLine(_request: unknown, { signal }: { signal: AbortSignal }) {
      await assigned.promise
      yield create(WatchLineResponseSchema, {
        assignment: { line: 'line-1', lot: 'lot-1', recipe: create(RecipeSchema, { id: 'default' }) },
      })
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
  } as unknown as ServiceClient<typeof RegistryService>
  const times = { retryFirstMs: 1, retryMaxMs: 1 }
  const setUp = { registry, clock: systemClock, logger: silentLogger, ...times, onChange: () => {} }
  const watch = watchAssignment({ line: 'line-1', ...setUp })
  const { signal } = new AbortController()
  const first = watch.get(signal)
  assert.equal(getEventListeners(signal, 'abort').length, 1)
  assigned.resolve()
  assert.equal((await first).lot, 'lot-1')
  for (let strip = 0; strip < 100; strip += 1) await watch.get(signal)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  watch.stop()
})
