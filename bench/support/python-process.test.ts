import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAnswer } from './python-process.ts'

test('parseAnswer takes one JSON object a line and quotes whatever else a program says', () => {
  assert.deepEqual(parseAnswer('{"ms": 1.5, "boxes": []}', 'OpenCV'), { ms: 1.5, boxes: [] })
  for (const line of ['[1]', 'null', '3', 'warning: slow', '']) {
    assert.throws(() => parseAnswer(line, 'OpenCV'), {
      code: 'internal',
      message: `OpenCV answered "${line}"; a JSON object was expected.`,
    })
  }
})
