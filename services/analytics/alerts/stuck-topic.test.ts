import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LotState } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import type { Bus } from '../../shared/bus/bus.ts'
import { createMemoryBus } from '../../shared/bus/memory-bus.ts'
import { topics } from '../../shared/bus/topics.ts'
import { makeVerdicts } from '../test-support/make-messages.ts'
import { useSharedDatabase } from '../test-support/shared-database.ts'
import { until, watchOnce } from '../test-support/start-analytics.ts'

const withAnalytics = useSharedDatabase()

describe('a topic of alerts that takes nothing', () => {
  test('does not hold up the lots; every alert is published once it does', async () => {
    const memory = createMemoryBus()
    const open = Promise.withResolvers<void>()
    let waiting = 0
    const published: string[] = []
    const bus: Bus = {
      ...memory,
      async publish(name, messages, signal) {
        if (name !== topics.alerts.name) return memory.publish(name, messages, signal)
        waiting += 1
        await open.promise
        published.push(...messages.map(({ key }) => key))
      },
    }
    const options = { alerts: { rowsWindow: 20_000, minRows: 10_000 }, closing: { quietMs: 0 } }
    await withAnalytics(
      async (running) => {
        await watchOnce(running.registry, 'line-s')
        await running.lots.openLot({ lot: 'S-1', line: 'line-s' })
        const strips = Array.from({ length: 30 }, (_, strip) => strip)
        const plan = { line: 'line-s', lot: 'S-1', parts: ['oo'], rowsLost: 300 }
        await running.publish(strips.flatMap((strip) => makeVerdicts({ ...plan, strip })))
        await running.settled()
        await until(async () => waiting > 0)
        const first = { plant: 'plant-1', line: 'line-s', camera: 'camera-1', run: 'run-1', strip: 0n }
        await running.lots.closeLot({ lot: 'S-1' })
        await running.registry.reportLotSegment({ first, strips: 30n, lot: 'S-1' })
        await until(async () => (await running.lots.getLot({ lot: 'S-1' })).lot!.state === LotState.CLOSED)
        assert.deepEqual([waiting, published.length], [1, 0])
        open.resolve()
        await until(async () => published.length > 0)
        const { alerts } = await running.alerts.listAlerts({ line: 'line-s' })
        assert.deepEqual(published, [`line-s/alerts/${alerts[0]?.id}`])
      },
      { bus, options },
    )
  })
})
