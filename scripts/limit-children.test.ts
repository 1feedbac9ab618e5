import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { it } from 'node:test'

// Plain JavaScript, as it runs before anything is installed.
const { limitChildren } = (await import(new URL('./limit-children.mjs', import.meta.url).href)) as {
  limitChildren(parent: number, limitMs: number, onKill: (args: string[]) => void): () => void
}

it('a child that lives longer than the limit is killed with what it started, though it ignores SIGTERM and its loop stands', {
  timeout: 30_000,
}, async () => {
  const spin = `process.on('SIGTERM', () => {})
require('node:child_process').spawn('sleep', ['60'], { stdio: 'inherit' })
process.stdout.write('x')
for (;;);`
  const stuck = spawn(process.execPath, ['--eval', spin], { stdio: ['ignore', 'pipe', 'inherit'] })
  const killed: string[][] = []
  await once(stuck.stdout, 'data')
  const stop = limitChildren(process.pid, 2_000, (args) => killed.push(args))
  try {
    await new Promise((resolve) => setTimeout(resolve, 500))
    const young = spawn(process.execPath, ['--eval', 'setTimeout(() => {}, 300)'])
    assert.deepEqual(await once(young, 'exit'), [0, null])
    // Its output ends only with all who have it.
    const [, signal] = await once(stuck, 'close')
    assert.equal(signal, 'SIGKILL')
    assert.deepEqual(killed, [[process.execPath, '--eval', spin]])
  } finally {
    stop()
    stuck.kill('SIGKILL')
  }
})
