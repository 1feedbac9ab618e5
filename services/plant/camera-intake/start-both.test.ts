import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { RunningService } from '../../shared/service/run-service.ts'
import { startBoth } from './start-both.ts'

it('of two services the one that starts is taken down with the other, and the reason of the start is thrown', async () => {
  const reason = new Error('the address is taken')
  const calls: string[] = []
  const up = Promise.withResolvers<RunningService>()
  const other: RunningService = {
    ready: '',
    async drain() {
      calls.push('drained')
      throw new Error('the drain failed as well')
    },
  }
  const abort = (why: unknown) => {
    calls.push((why as Error).message)
    up.resolve(other)
  }
  for (const order of ['first', 'second']) {
    const failing = Promise.reject<RunningService>(reason)
    const starts = order === 'first' ? ([failing, up.promise] as const) : ([up.promise, failing] as const)
    await assert.rejects(startBoth(starts, abort), reason)
  }
  assert.deepEqual(calls, ['the address is taken', 'drained', 'the address is taken', 'drained'])
})

it('two services that start are both given', async () => {
  const [one, two] = ['a', 'b'].map((ready): RunningService => ({ ready, drain: async () => undefined }))
  assert.deepEqual(await startBoth([Promise.resolve(one!), Promise.resolve(two!)], () => assert.fail()), [one, two])
})
