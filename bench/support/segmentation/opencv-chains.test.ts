import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readChainAnswer, readGreeting } from './opencv-chains.ts'

test('readChainAnswer takes a time and boxes of four whole numbers, nothing else', () => {
  const answer = { ms: 12.5, boxes: [[1, 2, 3, 4]] }
  assert.deepEqual(readChainAnswer(answer), answer)
  const wrong = [{}, { ms: 0, boxes: [] }, { ms: '1', boxes: [] }, { ms: 1 }, { ms: 1, boxes: [[1, 2, 3]] }]
  for (const other of [...wrong, { ms: 1, boxes: [[1, 2, 3, 0.5]] }]) {
    assert.throws(() => readChainAnswer(other), { code: 'internal' })
  }
})

test('readGreeting refuses an OpenCV that works on several threads', () => {
  assert.deepEqual(readGreeting({ version: '5.0.0', threads: 1 }), { version: '5.0.0' })
  assert.throws(() => readGreeting({ version: '5.0.0', threads: 2 }), /1 thread/)
})
