import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { createTerminal, showControls } from './terminal.ts'

describe('showControls', () => {
  it('leaves text and line breaks, and shows what would drive the terminal', () => {
    assert.equal(showControls('Körner 漢字\nb'), 'Körner 漢字\nb')
    assert.equal(showControls('a\u001b[31mb\r\u0007\u009b'), 'a\\x1b[31mb\\x0d\\x07\\x9b')
  })
})

describe('createTerminal', () => {
  it('keeps a row of a table on one line, in its columns, whatever a file name holds', () => {
    let written = ''
    const stream = () =>
      new Writable({
        write(chunk, _encoding, done) {
          written += String(chunk)
          done()
        },
      })
    const terminal = createTerminal({ stdout: stream(), stderr: stream(), json: false })
    const rows = [
      ['a\nb\tc.png', '7'],
      ['plain.png', '12'],
    ]
    terminal.printTable(
      [
        { title: 'Image', cut: 'head' },
        { title: 'NG', align: 'right' },
      ],
      rows,
    )
    assert.deepEqual(written.trimEnd().split('\n').slice(2), ['a\\x0ab\\x09c.png   7', 'plain.png        12'])
  })
})
