import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { takeTurns } from './take-turns.ts'

describe('takeTurns', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pelletline-turns-'))
  after(() => rmSync(folder, { recursive: true }))

  it('lets one work at a time, and the next once it is done', async () => {
    const lock = join(folder, 'deep', 'one.lock')
    const events: string[] = []
    let finish = () => {}
    const first = takeTurns(lock, async () => {
      events.push('first begins')
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      events.push('first ends')
      return 1
    })
    while (!existsSync(lock)) await new Promise((resolve) => setImmediate(resolve))
    const second = takeTurns(lock, async () => {
      events.push('second')
      return 2
    })
    while (events.length === 0) await new Promise((resolve) => setImmediate(resolve))
    finish()
    assert.deepEqual(await Promise.all([first, second]), [1, 2])
    assert.deepEqual(events, ['first begins', 'first ends', 'second'])
    assert.equal(existsSync(lock), false)
  })

  it('makes way when the work fails', async () => {
    const lock = join(folder, 'failing.lock')
    await assert.rejects(
      takeTurns(lock, () => Promise.reject(new Error('no'))),
      /no/,
    )
    assert.equal(await takeTurns(lock, async () => 'done'), 'done')
  })

  it('takes over from a process that has died', async () => {
    const lock = join(folder, 'dead.lock')
    const { pid } = spawnSync('true')
    writeFileSync(lock, String(pid))
    assert.equal(await takeTurns(lock, async () => 'done'), 'done')
  })
})
