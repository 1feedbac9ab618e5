import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createGroupedReads } from './group-reads.ts'

/** A store whose reads end when they are told to. */
function createSlowStore() {
  const reads: { readonly keys: readonly string[]; readonly end: PromiseWithResolvers<void> }[] = []
  let contents = new Map<string, number>()
  const readAll = async (keys: readonly string[]) => {
    const read = { keys, end: Promise.withResolvers<void>() }
    reads.push(read)
    const seen = new Map(contents)
    await read.end.promise
    return seen
  }
  const write = (entries: Record<string, number>) => {
    contents = new Map(Object.entries(entries))
  }
  return { reads, readAll, write }
}

const nextTurn = () => new Promise(setImmediate)

describe('grouped reads', () => {
  it('read together what is asked for in one turn, and what is asked for during a read by the next', async () => {
    const { reads, readAll, write } = createSlowStore()
    const read = createGroupedReads(readAll, 10)
    write({ a: 1, b: 2 })
    const first = [read('a'), read('b'), read('a'), read('missing')]
    await nextTurn()
    write({ a: 10, c: 3 })
    const second = [read('a'), read('c')]
    await nextTurn()
    assert.deepEqual(
      reads.map(({ keys }) => keys),
      [['a', 'b', 'missing']],
    )
    reads[0]!.end.resolve()
    assert.deepEqual(await Promise.all(first), [1, 2, 1, undefined])
    await nextTurn()
    reads[1]!.end.resolve()
    assert.deepEqual(await Promise.all(second), [10, 3], 'what is answered was read after it was asked for')
    assert.deepEqual(reads[1]!.keys, ['a', 'c'])
  })

  it('read no more than the limit at once, and go on after a read that failed', async () => {
    const groups: (readonly string[])[] = []
    const read = createGroupedReads(async (keys) => {
      groups.push(keys)
      if (keys.includes('c')) throw new Error('the store is away')
      return new Map(keys.map((key) => [key, key.toUpperCase()]))
    }, 2)
    const answers = await Promise.allSettled(['a', 'b', 'c', 'd', 'e'].map(read))
    assert.deepEqual(
      answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : (answer.reason as Error).message)),
      ['A', 'B', 'the store is away', 'the store is away', 'E'],
    )
    assert.deepEqual(groups, [['a', 'b'], ['c', 'd'], ['e']])
    assert.equal(await read('f'), 'F')
  })
})
