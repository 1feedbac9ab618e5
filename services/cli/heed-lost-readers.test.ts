import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'
import { heedLostReaders } from './heed-lost-readers.ts'

/** A process whose outputs fail when a test says so; notes what it does. */
function createProcess() {
  const done: string[] = []
  const [stdout, stderr] = [new EventEmitter(), new EventEmitter()]
  const readers = heedLostReaders({
    pid: 7,
    stdout,
    stderr,
    exit: (code) => void done.push(`exit ${code}`),
    kill: (pid, signal) => void done.push(`${signal} to ${pid}`),
  })
  const lose = (stream: EventEmitter, code: string) => stream.emit('error', Object.assign(new Error(code), { code }))
  return { readers, done, lose, stdout, stderr }
}

describe('heedLostReaders', () => {
  it('ends a command with 0 where its answer has no reader, and lets it go on without a reader of its remarks', () => {
    const { done, lose, stdout, stderr } = createProcess()
    lose(stderr, 'EPIPE')
    assert.deepEqual(done, [])
    lose(stdout, 'EPIPE')
    assert.deepEqual(done, ['exit 0'])
  })

  it('drains a service once, whichever output has lost its reader or its terminal', () => {
    for (const name of ['stdout', 'stderr'] as const) {
      const created = createProcess()
      created.readers.drain()
      created.lose(created[name], 'EIO')
      created.lose(created.stdout, 'EPIPE')
      created.lose(created.stderr, 'EPIPE')
      assert.deepEqual(created.done, ['SIGTERM to 7'], name)
    }
  })

  it('hides no other fault of an output', () => {
    const { lose, stdout } = createProcess()
    assert.throws(() => lose(stdout, 'ENOSPC'), { code: 'ENOSPC' })
  })
})
