import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNotifier } from './notifier.ts'

test('a notify wakes all who wait, and nobody who comes later', async () => {
  const notifier = createNotifier()
  const woken: string[] = []
  const waits = ['a', 'b'].map((name) => notifier.changed().then(() => woken.push(name)))
  notifier.notify()
  void notifier.changed().then(() => woken.push('late'))
  await Promise.all(waits)
  assert.deepEqual(woken, ['a', 'b'])
})

test('a change between taking the promise and awaiting it is not missed', async () => {
  const notifier = createNotifier()
  const changed = notifier.changed()
  notifier.notify()
  await changed
})

test('an abort ends the wait', async () => {
  const notifier = createNotifier()
  const abort = new AbortController()
  const changed = notifier.changed(abort.signal)
  abort.abort()
  await changed
  await notifier.changed(abort.signal)
})
