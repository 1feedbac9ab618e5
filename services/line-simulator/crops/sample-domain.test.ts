import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../random.ts'
import { defaultLine } from '../settings.ts'
import { sampleLineDomain, sampleRareDomain } from './sample-domain.ts'

const specks = { prevalence: 0.5, subSizeShare: 0, smallestSpeckPx: 3, minContrast: 0.35 }

test('a rare domain is a domain of the default line but for how often twins, tails, fines, dust and rim specks come', () => {
  const line = sampleLineDomain(createRandom(3), specks)
  const rare = sampleRareDomain(createRandom(3), specks)
  const { product, specks: rareSpecks } = rare.settings
  for (const share of ['twinShare', 'tailShare', 'finesShare'] as const)
    assert.ok(product[share] > 5 * defaultLine.product[share], share)
  assert.ok(product.dustPerMpx > defaultLine.product.dustPerMpx)
  assert.ok(rareSpecks.rimShare > defaultLine.specks.rimShare)
  const { twinShare, tailShare, finesShare, dustPerMpx } = line.settings.product
  const { rimShare } = line.settings.specks
  const settings = {
    ...rare.settings,
    product: { ...product, twinShare, tailShare, finesShare, dustPerMpx },
    specks: { ...rareSpecks, rimShare },
  }
  assert.deepEqual({ ...rare, settings }, line)
})
