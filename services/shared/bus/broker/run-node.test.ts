import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { runNode } from './run-node.ts'
import { useFakeJava } from './test-support/fake-java.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A shell script in the place of Java: it notes its process, and says that it serves once the file `go` is there. */
const program = `#!/bin/sh
for last in "$@"; do :; done
folder=$(dirname "$last")
echo $$ >> "$folder/pids"
while [ ! -e "$folder/go" ]; do sleep 0.02; done
echo "Kafka Server started"
exec sleep 1000
`

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('runNode', { timeout: 60_000 }, () => {
  const java = useFakeJava(process.env, program, async () => {
    for (const pid of await pids()) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  })
  const go = () => writeFile(java.path('go'), '')
  const pids = async () => {
    const text = await readFile(java.path('pids'), 'utf8').catch(() => '')
    return text.split('\n').filter(Boolean).map(Number)
  }
  const begun = async (count: number) => {
    while ((await pids()).length < count) await turn()
  }
  const start = (signal?: AbortSignal) => java.start(signal === undefined ? {} : { signal })

  for (const way of ['stop', 'kill'] as const) {
    it(`a ${way} during a restart leaves no process behind`, async () => {
      await rm(java.path('pids'), { force: true })
      await go()
      const unexpected: string[] = []
      const onUnexpectedExit = (address: string) => void unexpected.push(address)
      const node = await runNode({ address: '127.0.0.1:1', directory: java.path(''), start, onUnexpectedExit })
      const first = node.pid
      await rm(java.path('go'))
      const restarting = node.restart()
      restarting.catch(() => {})
      await begun(2)
      await (way === 'stop' ? node.stop() : node.kill('SIGKILL'))
      await assert.rejects(restarting, { code: 'cancelled' })
      assert.deepEqual((await pids()).filter(isAlive), [])
      assert.equal((await pids())[0], first)
      await go()
      await node.restart()
      assert.ok(isAlive(node.pid))
      await node.stop()
      assert.deepEqual((await pids()).filter(isAlive), [])
      assert.deepEqual(unexpected, [])
    })
  }

  it('a stop while a restart still ends the old process starts no other', async () => {
    await rm(java.path('pids'), { force: true })
    await go()
    const node = await runNode({ address: '127.0.0.1:1', directory: java.path(''), start })
    const restarting = node.restart()
    restarting.catch(() => {})
    await node.stop()
    await assert.rejects(restarting, { code: 'cancelled' })
    assert.equal((await pids()).length, 1)
    assert.deepEqual((await pids()).filter(isAlive), [])
  })

  it('a process that ends by itself is told of', async () => {
    await go()
    const told = Promise.withResolvers<string>()
    const node = await runNode({
      address: '127.0.0.1:1',
      directory: java.path(''),
      start,
      onUnexpectedExit: told.resolve,
    })
    process.kill(node.pid, 'SIGKILL')
    assert.equal(await told.promise, '127.0.0.1:1')
    await node.stop()
  })
})
