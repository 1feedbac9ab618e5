import assert from 'node:assert/strict'
import test from 'node:test'
import { formatTables } from './print-tables.ts'

const report = {
  report: { figures: [1, 2] },
  lead: 'peers: 2 cores',
  tables: [
    { title: 'Rate', note: 'Crops per second.', columns: [{ title: 'System' }], rows: [['ours']] },
    { title: 'Harm', note: 'Wrong answers.', columns: [{ title: 'Kind' }], rows: [['shape']] },
  ],
}

test('a report is printed as its lead and its tables with a blank line between, or as one line of JSON', () => {
  const lines = formatTables(report, false).split('\n')
  assert.deepEqual(lines.slice(0, 3), ['peers: 2 cores', '', 'Rate. Crops per second.'])
  const second = lines.indexOf('Harm. Wrong answers.')
  assert.deepEqual([lines[second - 1], lines[second - 2]?.trim(), lines.at(-1)], ['', 'ours', ''])
  assert.equal(formatTables(report, true), '{"figures":[1,2]}\n')
})
