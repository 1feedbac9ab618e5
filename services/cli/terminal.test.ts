import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { showControls } from './terminal.ts'

describe('showControls', () => {
  it('leaves text and line breaks, and shows what would drive the terminal', () => {
    assert.equal(showControls('Körner 漢字\nb'), 'Körner 漢字\nb')
    assert.equal(showControls('a\u001b[31mb\r\u0007\u009b'), 'a\\x1b[31mb\\x0d\\x07\\x9b')
  })
})
