import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addResultsRow, markdownTable } from './publish-folder.ts'

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
