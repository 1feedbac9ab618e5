import assert from 'node:assert/strict'
import test from 'node:test'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { answerInOrder } from './answer-in-order.ts'
import { createUnreadAnswers } from './unread-answers.ts'

const settled = () => new Promise((resolve) => setImmediate(resolve))
const { signal } = new AbortController()

/** Requests that come one after the other; `taken` counts those that were asked for. */
function endless() {
  const source = { taken: 0 }
  async function* requests() {
    for (;;) yield source.taken++
  }
  return { source, requests: requests() }
}

test('a stream that fails computes no further what it has in hand, and takes no more', async () => {
  const { source, requests } = endless()
  const signals: AbortSignal[] = []
  const refused = Promise.withResolvers<number>()
  const answer = (request: number, within: AbortSignal) => {
    signals.push(within)
    return request === 0 ? refused.promise : new Promise<number>(() => {})
  }
  const first = answerInOrder(requests, answer, { limit: 2, signal }).next()
  while (signals.length < 4) await settled()
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [false, false, false, false],
  )
  refused.reject(new PelletlineError('not_found', 'There is no line x here.'))
  await assert.rejects(first, { code: 'not_found' })
  assert.ok(signals.every(({ aborted }) => aborted))
  await settled()
  assert.equal(source.taken, 4)
})

test('a reader that leaves a stream ends what is computed for it', async () => {
  const signals: AbortSignal[] = []
  const answer = async (request: number, within: AbortSignal) => {
    signals.push(within)
    return request
  }
  for await (const value of answerInOrder(endless().requests, answer, { limit: 2, signal })) {
    assert.equal(value, 0)
    break
  }
  assert.ok(signals.every(({ aborted }) => aborted))
})

test('where readers do not come for too many bytes, the stream that has waited longest ends and keeps nothing', async () => {
  const answers = createUnreadAnswers({ maxBytes: 1000 })
  const open = (bytes: number, limit: number) => {
    const signals: AbortSignal[] = []
    const answer = async (request: number, within: AbortSignal) => {
      signals.push(within)
      return request
    }
    const unread = { answers, bytesOf: () => bytes }
    return { stream: answerInOrder(endless().requests, answer, { limit, signal, unread }), signals }
  }
  const slow = open(300, 1)
  assert.equal((await slow.stream.next()).value, 0)
  while (slow.signals.length < 3) await settled()
  // It holds 900 bytes: the one that is being read, the one that waits, and the one behind it.
  const read = open(60, 1)
  for (let i = 0; i < 50; i += 1) assert.equal((await read.stream.next()).value, i)
  assert.ok(slow.signals.every(({ aborted }) => aborted))
  await assert.rejects(slow.stream.next(), { code: 'resource_exhausted', message: /1000 bytes/, retryAfterMs: 1000 })
  assert.equal((await read.stream.next()).value, 50)
  await read.stream.return(undefined)
  // Nothing of either counts any more.
  const other = open(450, 1)
  assert.equal((await other.stream.next()).value, 0)
  await settled()
  await other.stream.return(undefined)
})
