import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTable } from './parse-table.ts'

test('table is read with the separator of its header, quotes, a byte order mark and any line end', () => {
  const { columns, rows } = parseTable(
    'a.csv',
    '\uFEFFfile; group\r\n"x;1.png";"say ""hi"""\r\n\r\n"two\nlines";b\r\nc.png',
  )
  assert.deepEqual(columns, ['file', 'group'])
  assert.deepEqual(rows, [
    { line: 2, cells: ['x;1.png', 'say "hi"'] },
    { line: 4, cells: ['two\nlines', 'b'] },
    { line: 6, cells: ['c.png'] },
  ])
  assert.deepEqual(parseTable('a.tsv', 'a,b\tc\n1\t2').columns, ['a,b', 'c'])
  assert.deepEqual(parseTable('a.csv', ''), { name: 'a.csv', columns: [], rows: [] })
})

test('table with an open quote or a row wider than its header is refused with the line', () => {
  const refused = (message: RegExp) => ({ code: 'invalid_argument', message })
  assert.throws(() => parseTable('a.csv', 'a,b\n1,2\n"3,4'), refused(/a\.csv, line 3: a quote is opened/))
  assert.throws(() => parseTable('a.csv', 'a,b\n1,2,3'), refused(/a\.csv, line 2: 3 cells under 2 columns/))
})

test('table gives back any cells that were quoted', () => {
  const cell = fc.string({ minLength: 1 }).map((text) => text.trim() || 'x')
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 }), (cells) => {
      const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
      const text = [['a', 'b'], ...cells].map((row) => row.map(quote).join(',')).join('\n')
      assert.deepEqual(
        parseTable('a.csv', text).rows.map((row) => row.cells),
        cells,
      )
    }),
  )
})
