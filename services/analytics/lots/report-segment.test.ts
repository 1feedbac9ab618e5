import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LotState } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { makeVerdicts } from '../test-support/make-messages.ts'
import { engines, useSharedDatabase } from '../test-support/shared-database.ts'
import { until, watchOnce } from '../test-support/start-analytics.ts'

for (const engine of engines) {
  describe(`segments of a lot that gateways report one after the other, on ${engine}`, () => {
    const withAnalytics = useSharedDatabase(engine)

    for (const [name, reports] of [
      // First strip, strips, and strips that were durable before.
      [
        'again-behind',
        [
          [0, 10, 0],
          [8, 2, 8],
        ],
      ],
      [
        'again-before',
        [
          [8, 2, 8],
          [0, 10, 0],
        ],
      ],
      [
        'again-across',
        [
          [0, 8, 0],
          [6, 4, 6],
          [6, 0, 6],
        ],
      ],
      [
        'again-within',
        [
          [0, 10, 0],
          [3, 2, 3],
          [4, 3, 4],
          [9, 1, 9],
        ],
      ],
    ] as const)
      test(`count a strip once that two of them hold, ${name.replace('-', ' ')}`, async () => {
        await withAnalytics(async ({ registry, lots, publish, settled }) => {
          await watchOnce(registry, name)
          await lots.openLot({ lot: name, line: name })
          const strips = Array.from({ length: 10 }, (_, strip) => strip)
          await publish(strips.flatMap((strip) => makeVerdicts({ line: name, lot: name, strip, parts: ['on'] })))
          await settled()
          const first = { plant: 'plant-1', line: name, camera: 'camera-1', run: 'run-1' }
          for (const [strip, count, durableBefore] of reports)
            await registry.reportLotSegment({
              first: { ...first, strip: BigInt(strip) },
              strips: BigInt(count),
              lot: name,
              durableBefore: BigInt(durableBefore),
            })
          assert.equal((await lots.getLot({ lot: name })).lot!.stripsStamped, 10n)
          await lots.closeLot({ lot: name })
          await until(async () => (await lots.getLot({ lot: name })).lot!.state === LotState.CLOSED)
          const { lot } = await lots.getLot({ lot: name })
          assert.deepEqual([lot?.balanced, lot?.note], [true, ''])
        })
      })
  })
}
