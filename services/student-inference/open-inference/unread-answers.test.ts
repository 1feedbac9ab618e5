import assert from 'node:assert/strict'
import test from 'node:test'
import { createUnreadAnswers } from './unread-answers.ts'

/** Streams that share 1000 bytes; `ended` has the names of those that were ended, in their order. */
function setUp() {
  const answers = createUnreadAnswers({ maxBytes: 1000 })
  const ended: string[] = []
  const enter = (name: string) =>
    answers.enter(({ code }) => {
      assert.equal(code, 'resource_exhausted')
      ended.push(name)
    })
  return { enter, ended }
}

test('a stream that reads is not ended for those that do not, though each of its answers is larger than what any of them holds', () => {
  const { enter, ended } = setUp()
  const reader = enter('reader')
  const idle = Array.from({ length: 9 }, (_, i) => enter(`idle ${i}`))
  for (const stream of idle) stream.add(110)
  for (let i = 0; i < 20; i += 1) {
    reader.add(200)
    reader.take(200)
  }
  assert.deepEqual(ended, ['idle 0', 'idle 1'])
})

test('the stream is ended whose reader has not come for the longest, and as many as it takes', () => {
  const { enter, ended } = setUp()
  const [first, second, third] = ['first', 'second', 'third'].map(enter)
  for (const stream of [first!, second!, third!]) {
    stream.add(150)
    stream.add(150)
  }
  // It has come for one of two, and the other waits from then on.
  first!.take(150)
  second!.add(300)
  assert.deepEqual(ended, ['second'])
  const large = enter('large')
  large.add(800)
  assert.deepEqual(ended, ['second', 'third'])
  // Of those that were ended nothing counts any more.
  second!.add(5000)
  third!.take(300)
  third!.leave()
  large.add(50)
  assert.deepEqual(ended, ['second', 'third'])
  large.add(2000)
  assert.deepEqual(ended, ['second', 'third', 'first', 'large'])
})

test('a stream that was open for long and had nothing to be read has not waited', () => {
  const { enter, ended } = setUp()
  const quiet = enter('quiet')
  quiet.add(0)
  enter('idle').add(900)
  quiet.add(500)
  assert.deepEqual(ended, ['idle'])
})
