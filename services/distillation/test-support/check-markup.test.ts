import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readMarkup } from './check-markup.ts'

test('readMarkup lists elements with their attributes, and refuses what is not well-formed', () => {
  const elements = readMarkup('<!doctype html>\n<a x="1 &gt; 0"><b/>t &amp; u</a>')
  assert.deepEqual(
    elements.map(({ name, attributes }) => [name, attributes.get('x')]),
    [
      ['a', '1 &gt; 0'],
      ['b', undefined],
    ],
  )
  for (const broken of [
    '<a>',
    '<a></b>',
    '<a x=1></a>',
    '<a x="1" x="2"/>',
    '<a>&</a>',
    '<a>1 < 2</a>',
    '<a/>text',
    '<a x="&b"/>',
    '<a x="<"/>',
  ]) {
    assert.throws(() => readMarkup(broken), broken)
  }
})
