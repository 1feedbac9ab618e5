import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Column, renderTable } from './render-table.ts'

const columns: readonly Column[] = [
  { title: 'Image', cut: 'head' },
  { title: 'NG', align: 'right' },
]

describe('renderTable', () => {
  it('aligns text left and numbers right', () => {
    assert.deepEqual(
      renderTable(columns, [
        ['a.png', '7'],
        ['longer.png', '1,234'],
      ]),
      ['Image          NG', '----------  -----', 'a.png           7', 'longer.png  1,234'],
    )
  })

  it('cuts only what may be cut, at the side that matters less', () => {
    const lines = renderTable(columns, [['/a/very/long/folder/scan-17.png', '12']], 20)
    assert.equal(lines[2], '…der/scan-17.png  12')
  })

  it('keeps every line within the terminal as long as the fixed columns fit', () => {
    const cell = fc.string({ minLength: 0, maxLength: 60, unit: 'grapheme-ascii' })
    fc.assert(
      fc.property(fc.array(cell, { maxLength: 8 }), fc.integer({ min: 20, max: 90 }), (names, width) => {
        const lines = renderTable(
          columns,
          names.map((name) => [name, '123,456']),
          width,
        )
        for (const line of lines) assert.ok(line.length <= width, `${line.length} > ${width}`)
      }),
    )
  })
})
