import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { countConfusion } from '../../shared/statistics/confusion.ts'
import { chooseThreshold } from './choose-threshold.ts'

const margins = [-3, -2, -1, 0, 1, 2]
const labels = [0, 0, 0, 1, 0, 1]

test('threshold by overkill lies halfway between the first good crop that passes and the next margin', () => {
  assert.equal(chooseThreshold({ kind: 'maxOverkillPpm', ppm: 0 }, margins, labels), 1.5)
  assert.equal(chooseThreshold({ kind: 'maxOverkillPpm', ppm: 250_000 }, margins, labels), -0.5)
})

test('threshold by recall lies halfway below the last bad crop that must be found', () => {
  assert.equal(chooseThreshold({ kind: 'minRecall', recall: 1 }, margins, labels), -0.5)
  assert.equal(chooseThreshold({ kind: 'minRecall', recall: 0.5 }, margins, labels), 1.5)
})

test('fixed threshold is taken as it is', () => {
  assert.equal(chooseThreshold({ kind: 'fixed', margin: 0.25 }, margins, labels), 0.25)
})

test('threshold keeps its rule on any margins', () => {
  const crops = fc.array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.nat(1)), { minLength: 2, maxLength: 60 })
  fc.assert(
    fc.property(crops, fc.double({ min: 0, max: 1, noNaN: true }), (drawn, share) => {
      const values = [...drawn.map(([margin]) => margin / 10), 1, -1]
      const truth = [...drawn.map(([, label]) => label), 1, 0]
      const byOverkill = chooseThreshold({ kind: 'maxOverkillPpm', ppm: share * 1e6 }, values, truth)
      const { okAsNg, okAsOk } = countConfusion(values, truth, byOverkill)
      assert.ok(okAsNg <= share * (okAsNg + okAsOk) + 1e-6)
      const byRecall = chooseThreshold({ kind: 'minRecall', recall: share }, values, truth)
      const { ngAsNg, ngAsOk } = countConfusion(values, truth, byRecall)
      assert.ok(ngAsNg >= share * (ngAsNg + ngAsOk) - 1e-6)
    }),
  )
})

test('threshold rule without a crop of its class is refused', () => {
  assert.throws(() => chooseThreshold({ kind: 'minRecall', recall: 0.9 }, [1], [0]), { code: 'invalid_argument' })
})
