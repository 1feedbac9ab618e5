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
    const read = createGroupedReads(readAll, { maxKeys: 10 })
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
    const read = createGroupedReads(
      async (keys) => {
        groups.push(keys)
        if (keys.includes('c')) throw new Error('the store is away')
        return new Map(keys.map((key) => [key, key.toUpperCase()]))
      },
      { maxKeys: 2 },
    )
    const answers = await Promise.allSettled(['a', 'b', 'c', 'd', 'e'].map(read))
    assert.deepEqual(
      answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : (answer.reason as Error).message)),
      ['A', 'B', 'the store is away', 'the store is away', 'E'],
    )
    assert.deepEqual(groups, [['a', 'b'], ['c', 'd'], ['e']])
    assert.equal(await read('f'), 'F')
  })

  it('are held up by one that does not come back for the patience only, and so are those who wait for it', {
    timeout: 10_000,
  }, async () => {
    const { reads, readAll, write } = createSlowStore()
    const read = createGroupedReads(readAll, { maxKeys: 10, patienceMs: 20, maxReads: 2 })
    const keysOf = () => reads.map(({ keys }) => keys)
    write({ a: 1, b: 2, c: 3 })
    const stuck = [read('a'), read('b')]
    await nextTurn()
    write({ a: 10, b: 20, c: 30 })
    const after = [read('b'), read('c')]
    while (reads.length < 2) await nextTurn()
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.deepEqual(keysOf(), [
      ['a', 'b'],
      ['b', 'c', 'a'],
    ])
    reads[1]!.end.resolve()
    assert.deepEqual(await Promise.all([...stuck, ...after]), [10, 20, 20, 30])
    // What was answered is not read again, though the second read was slow as well.
    await nextTurn()
    assert.equal(reads.length, 2)
    const last = read('a')
    write({ a: 100 })
    await nextTurn()
    reads[0]!.end.resolve()
    reads[2]!.end.resolve()
    assert.equal(await last, 100, 'and not what the first read has found')
    assert.deepEqual(keysOf().slice(2), [['a']])
  })

  it('run beside each other no more than may', { timeout: 10_000 }, async () => {
    const { reads, readAll } = createSlowStore()
    const read = createGroupedReads(readAll, { maxKeys: 1, patienceMs: 5, maxReads: 2 })
    const all = ['a', 'b', 'c'].map(read)
    while (reads.length < 2) await nextTurn()
    await new Promise((resolve) => setTimeout(resolve, 60))
    assert.equal(reads.length, 2)
    for (let ended = 0; ended < reads.length; ended++) {
      reads[ended]!.end.resolve()
      await nextTurn()
    }
    assert.deepEqual(await Promise.all(all), [undefined, undefined, undefined])
  })
})
