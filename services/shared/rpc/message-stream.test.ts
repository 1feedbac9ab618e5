import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import test from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { abortable } from './abortable-iterable.ts'
import { readMessages } from './message-stream.ts'

test('readMessages holds an end back until what has arrived is read, also where the process stood still meanwhile', async () => {
  const stream = Object.assign(new EventEmitter(), {
    _readableState: { highWaterMark: 16 },
    read: () => null,
    write: () => true,
  })
  const reset = new AbortController()
  const messages = abortable(readMessages(stream, 20), reset.signal)
  stream.emit('end')
  // From here on timers come first, then what has arrived.
  await turn()
  const next = messages.next()
  await Promise.resolve()
  setImmediate(() => reset.abort(new PelletlineError('cancelled', 'The caller of the call has gone.')))
  const until = performance.now() + 60
  while (performance.now() < until);
  await assert.rejects(next, { code: 'cancelled' })
})

test('readMessages ends where nothing follows the end', async () => {
  const stream = Object.assign(new EventEmitter(), {
    _readableState: { highWaterMark: 16 },
    read: () => null,
    write: () => true,
  })
  const messages = readMessages(stream, 20)
  stream.emit('end')
  assert.equal((await messages.next()).done, true)
})
