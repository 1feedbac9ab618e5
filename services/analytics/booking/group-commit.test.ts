import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createGroupCommit } from './group-commit.ts'

describe('group commit', () => {
  test('entries that come during a commit go into the next one, up to the limit, and are answered after theirs', async () => {
    const groups: number[][] = []
    const answered: number[] = []
    const gate = Promise.withResolvers<void>()
    const books = createGroupCommit<number, readonly number[]>({
      maxEntries: 3,
      lingerMs: 0,
      commit: async (entries) => {
        groups.push([...entries])
        await gate.promise
        assert.ok(entries.every((entry) => !answered.includes(entry)))
        return entries
      },
      onCommitted: () => undefined,
    })
    const writes = [1, 2, 3, 4, 5].map((entry) => books.write(entry).then(() => answered.push(entry)))
    gate.resolve()
    await Promise.all(writes)
    await books.settle()
    assert.deepEqual(groups.flat(), [1, 2, 3, 4, 5])
    assert.ok(groups.length <= 3 && groups.every((group) => group.length <= 3))
    assert.deepEqual(answered, [1, 2, 3, 4, 5])
  })

  test('an entry that the database refuses fails alone; a failure that a retry can cure fails the group', async () => {
    let down = false
    const committed: string[] = []
    const books = createGroupCommit<string, readonly string[]>({
      maxEntries: 10,
      lingerMs: 1,
      commit: async (entries) => {
        if (down) throw new PelletlineError('unavailable', 'The database is away.')
        if (entries.includes('poison')) throw new PelletlineError('internal', 'Refused.')
        return entries
      },
      onCommitted: (entries) => committed.push(...entries),
    })
    const outcomes = await Promise.allSettled(['a', 'poison', 'b'].map((entry) => books.write(entry)))
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.deepEqual(committed, ['a', 'b'])
    down = true
    const failed = await Promise.allSettled(['c', 'd'].map((entry) => books.write(entry)))
    assert.ok(failed.every((outcome) => outcome.status === 'rejected' && outcome.reason.code === 'unavailable'))
  })
})
