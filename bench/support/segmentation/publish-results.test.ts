import assert from 'node:assert/strict'
import { test } from 'node:test'
import { publishResults } from './publish-results.ts'
import type { SegmentationReport } from './segmentation-report.ts'

test('publishResults publishes nothing of a run without OpenCV or without a section', async () => {
  const whole = { bench: 'segmentation', opencv: { version: '5' }, geometry: [] } as unknown as SegmentationReport
  const refused = { code: 'failed_precondition' }
  await assert.rejects(publishResults({ ...whole, opencv: { missing: 'no network' } }, '/nowhere', ''), refused)
  await assert.rejects(publishResults({ ...whole, memory: undefined }, '/nowhere', ''), {
    ...refused,
    message: 'Nothing was published: the run has no memory. Run all sections.',
  })
})
