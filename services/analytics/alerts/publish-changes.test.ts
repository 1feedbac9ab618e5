import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { silentLogger } from '../../shared/telemetry/logger.ts'
import { createChangePublisher } from './publish-changes.ts'

const stillLeads = async () => true

describe('the publisher of changes of alerts', () => {
  test('runs one publication at a time, and one more however often it was asked meanwhile', async () => {
    const calls: PromiseWithResolvers<void>[] = []
    const publishPending = () => {
      calls.push(Promise.withResolvers())
      return calls.at(-1)!.promise
    }
    const { signal } = new AbortController()
    const publisher = createChangePublisher({ book: { publishPending }, stillLeads, logger: silentLogger, signal })
    for (let round = 0; round < 5; round += 1) publisher.wake()
    assert.equal(calls.length, 1)
    calls[0]!.resolve()
    await calls[0]!.promise
    await new Promise(setImmediate)
    assert.equal(calls.length, 2)
    calls[1]!.resolve()
    await publisher.settle()
    assert.equal(calls.length, 2)
  })

  test('says what failed, and publishes when it is asked again', async () => {
    const errors: string[] = []
    const logger = { ...silentLogger, error: (_: object, message: string) => void errors.push(message) }
    let calls = 0
    const publishPending = async () => {
      calls += 1
      if (calls === 1) throw new Error('The topic is gone.')
    }
    const { signal } = new AbortController()
    const publisher = createChangePublisher({ book: { publishPending }, stillLeads, logger, signal })
    publisher.wake()
    await publisher.settle()
    publisher.wake()
    await publisher.settle()
    assert.deepEqual([calls, errors.length], [2, 1])
    assert.match(errors[0]!, /tried again/)
  })
})
