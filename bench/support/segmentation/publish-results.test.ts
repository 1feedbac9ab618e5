import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addResultsRow, markdownTable, publishResults } from './publish-results.ts'
import type { SegmentationReport } from './segmentation-report.ts'

test('markdownTable aligns numbers right and keeps bars of a cell apart from its own', () => {
  const table = markdownTable({
    columns: [{ title: 'Method' }, { title: 'ms', align: 'right' }],
    rows: [['a|b', '1.5']],
  })
  assert.deepEqual(table, ['| Method | ms |', '| --- | ---: |', '| a\\|b | 1.5 |'])
})

test('addResultsRow adds a folder once', () => {
  const index = '# Results\n\n| Folder | What |\n| --- | --- |\n| [spots50](spots50/) | images |\n\n'
  const added = addResultsRow(index, 'segmentation', 'speed')
  assert.equal(added, `${index.trimEnd()}\n| [segmentation](segmentation/) | speed |\n`)
  assert.equal(addResultsRow(added, 'segmentation', 'other'), added)
})

test('publishResults publishes nothing of a run without OpenCV or without a section', async () => {
  const whole = { bench: 'segmentation', opencv: { version: '5' }, geometry: [] } as unknown as SegmentationReport
  const refused = { code: 'failed_precondition' }
  await assert.rejects(publishResults({ ...whole, opencv: { missing: 'no network' } }, '/nowhere', ''), refused)
  await assert.rejects(publishResults({ ...whole, memory: undefined }, '/nowhere', ''), {
    ...refused,
    message: 'Nothing was published: the run has no memory. Run all sections.',
  })
})
