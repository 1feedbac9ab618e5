import assert from 'node:assert/strict'
import test from 'node:test'
import { create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { StripKeySchema } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { takesPart } from './route-part.ts'

const key = (strip: bigint, line = 'line-1') =>
  create(StripKeySchema, { plant: 'plant-1', line, camera: 'camera-1', run: 'run-1', strip })

test('a part falls to the same model whenever it comes, and stays with it when the share grows', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 12n }), fc.nat(8), share, share, (strip, part, a, b) => {
      const takes = (of: number) => takesPart('canary', { modelId: 'm', share: of, lines: [] }, key(strip), part)
      assert.equal(takes(a), takes(a))
      if (takes(Math.min(a, b))) assert.ok(takes(Math.max(a, b)))
    }),
  )
})

test('a share of the parts falls to the canary: none at 0, all at 1, about as many as asked for between', () => {
  const count = (share: number) =>
    Array.from({ length: 20_000 }, (_, i) => i).filter((i) =>
      takesPart('canary', { modelId: 'm', share, lines: [] }, key(BigInt(i >> 1)), i & 1),
    ).length
  assert.deepEqual([count(0), count(1)], [0, 20_000])
  // Five standard deviations of a binomial count.
  assert.ok(Math.abs(count(0.1) - 2000) < 5 * Math.sqrt(20_000 * 0.1 * 0.9))
})

test('a canary on a line takes all parts of that line and none of others', () => {
  const rule = { modelId: 'm', share: 0, lines: ['line-2'] }
  for (let strip = 0n; strip < 100n; strip += 1n) {
    assert.equal(takesPart('canary', rule, key(strip, 'line-2'), 0), true)
    assert.equal(takesPart('canary', rule, key(strip), 0), false)
  }
})
