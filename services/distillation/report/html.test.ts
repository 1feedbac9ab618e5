import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readMarkup } from '../test-support/check-markup.ts'
import { escapeText, html } from './html.ts'

describe('html', () => {
  test('escapes text, keeps markup, joins lists and shows nothing for absent values', () => {
    const inner = html`<b>${'1 < 2'}</b>`
    assert.equal(html`<p>${inner}${[' & ', 3]}${null}${undefined}${false}</p>`.markup, '<p><b>1 &lt; 2</b> &amp; 3</p>')
  })

  test('any text makes a well-formed element, as content and as attribute', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const elements = readMarkup(html`<p title="${text}">${text}</p>`.markup)
        assert.deepEqual(
          elements.map(({ name }) => name),
          ['p'],
        )
      }),
    )
  })

  test('control characters that XML forbids are dropped', () => {
    assert.equal(escapeText('a\u0000b\tc\u001b'), 'ab\tc')
  })
})
