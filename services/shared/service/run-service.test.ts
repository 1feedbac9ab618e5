import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { describe, it } from 'node:test'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { systemClock } from './clock.ts'
import { exitCodeOf, type ProcessPort, runService } from './run-service.ts'
import { firstProcess, givesNamespaces } from './test-support/first-process.ts'

/** A process that notes how it ended. */
function createProcess() {
  const signals = new EventEmitter()
  const exits: number[] = []
  const port: ProcessPort = {
    on: (signal, listener) => signals.on(signal, listener),
    off: (signal, listener) => signals.off(signal, listener),
    exit: (code) => void exits.push(code),
    writeError: (text) => {
      result.output += text
    },
  }
  const result = { port, signals, exits, output: '' }
  return result
}

const afterEcho = () => systemClock.sleep(600)
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('runService', () => {
  it('says READY with the address, drains on SIGTERM and SIGHUP with its timeout and leaves with 0', async () => {
    for (const signal of ['SIGTERM', 'SIGHUP']) {
      const process = createProcess()
      const { port, signals, exits } = process
      const drained: number[] = []
      const end = runService({
        name: 'analytics',
        start: async () => ({ ready: '127.0.0.1:50051', drain: async (timeoutMs) => void drained.push(timeoutMs) }),
        drainTimeoutMs: () => 1234,
        process: port,
      })
      await turn()
      assert.equal(process.output, 'READY analytics 127.0.0.1:50051\n')
      assert.deepEqual(exits, [])
      signals.emit(signal)
      await end
      assert.deepEqual(drained, [1234])
      assert.deepEqual(exits, [0])
      assert.deepEqual(signals.eventNames(), [])
    }
  })

  it('leaves at once with 130 on a second interrupt, whatever the drain does', async () => {
    const { port, signals, exits } = createProcess()
    let release = () => {}
    const drain = () =>
      new Promise<void>((resolve) => {
        release = resolve
      })
    const end = runService({ name: 'x', start: async () => ({ ready: '', drain }), process: port })
    await turn()
    signals.emit('SIGINT')
    await turn()
    assert.deepEqual(exits, [])
    await afterEcho()
    signals.emit('SIGINT')
    assert.deepEqual(exits, [130])
    release()
    await end
    assert.deepEqual(exits, [130])
  })

  it('takes an interrupt that comes once more within half a second, from its group and from its launcher, for the same one', async () => {
    const process = createProcess()
    const { promise, resolve } = Promise.withResolvers<void>()
    const end = runService({
      name: 'x',
      start: async () => ({ ready: '', drain: () => promise }),
      process: process.port,
    })
    await turn()
    process.signals.emit('SIGINT')
    process.signals.emit('SIGINT')
    assert.deepEqual(process.exits, [])
    assert.doesNotMatch(process.output, /left at once/)
    resolve()
    await end
    assert.deepEqual(process.exits, [0])
  })

  it('prints one message for an error at start and leaves with its code', async () => {
    for (const [code, exit] of [
      ['invalid_argument', 2],
      ['not_found', 3],
      ['unavailable', 1],
    ] as const) {
      const process = createProcess()
      await runService({
        name: 'analytics',
        start: () => Promise.reject(new PelletlineError(code, 'plant.yaml: listen is wrong.')),
        process: process.port,
      })
      assert.equal(process.output, 'analytics: plant.yaml: listen is wrong.\n')
      assert.deepEqual(process.exits, [exit])
    }
  })

  it('a signal during the start aborts it and leaves with 0', async () => {
    const { port, signals, exits } = createProcess()
    const start = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const end = runService({ name: 'x', start, process: port })
    signals.emit('SIGINT')
    await end
    assert.deepEqual(exits, [0])
  })

  it('a service that ends by itself is drained and leaves with 0', async () => {
    const { port, exits } = createProcess()
    let drained = false
    const drain = async () => {
      drained = true
    }
    await runService({
      name: 'x',
      start: async () => ({ ready: '', drain, finished: Promise.resolve() }),
      process: port,
    })
    assert.equal(drained, true)
    assert.deepEqual(exits, [0])
  })

  it('a service that fails while it runs is drained, and its error decides the exit', async () => {
    const process = createProcess()
    const finished = Promise.reject(new PelletlineError('data_loss', 'The recording is damaged.'))
    const drain = () => Promise.reject(new Error('a later trouble'))
    await runService({ name: 'x', start: async () => ({ ready: 'r', drain, finished }), process: process.port })
    assert.equal(process.output, 'READY x r\nx: The recording is damaged.\n')
    assert.deepEqual(process.exits, [1])
  })

  it('a real process drains on SIGTERM', async () => {
    const module = JSON.stringify(new URL('./run-service.ts', import.meta.url).href)
    const program = `
      const { runService } = await import(${module})
      const keepAlive = setInterval(() => {}, 1000)
      await runService({ name: 'real', start: async () => ({ ready: 'here', drain: async () => { clearInterval(keepAlive); console.log('drained') } }) })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program])
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    const [ready] = await once(child.stderr, 'data')
    assert.equal(String(ready), 'READY real here\n')
    child.kill('SIGTERM')
    const [code] = await once(child, 'close')
    assert.equal(code, 0)
    assert.equal(output, 'drained\n')
  })

  it('a real process leaves at once on a second interrupt, also as the first one of a container', async () => {
    const module = JSON.stringify(new URL('./run-service.ts', import.meta.url).href)
    const program = `
      const { runService } = await import(${module})
      setInterval(() => {}, 1000)
      setTimeout(() => process.emit('SIGINT'), 10)
      await runService({ name: 'real', start: async () => ({ ready: '', drain: () => {
        setTimeout(() => process.emit('SIGINT'), 600)
        return new Promise(() => {})
      } }) })`
    const node = [process.execPath, '--input-type=module', '--eval', program]
    const limits = { timeout: 30_000, killSignal: 'SIGKILL' } as const
    if (givesNamespaces()) {
      const inside = spawnSync('unshare', [...firstProcess, ...node], limits)
      assert.deepEqual([inside.status, inside.signal], [130, null], String(inside.stderr))
    }
    const outside = spawnSync(node[0]!, node.slice(1), limits)
    assert.deepEqual([outside.status, outside.signal], [null, 'SIGINT'], String(outside.stderr))
  })
})

describe('exitCodeOf', () => {
  it('is 2 for bad input, 3 for what is not there, 1 otherwise', () => {
    assert.equal(exitCodeOf(new PelletlineError('invalid_argument', 'm')), 2)
    assert.equal(exitCodeOf(new PelletlineError('not_found', 'm')), 3)
    assert.equal(exitCodeOf(new PelletlineError('internal', 'm')), 1)
  })
})

describe('systemClock', () => {
  it('tells the same time in both units, and nanoseconds never go back', () => {
    const apart = Number(systemClock.nowNs() / 1_000_000n) - systemClock.now()
    assert.ok(Math.abs(apart) < 60_000, `${apart} ms apart`)
    let last = 0n
    for (let reading = 0; reading < 1000; reading += 1) {
      const now = systemClock.nowNs()
      assert.ok(now >= last)
      last = now
    }
  })

  it('a sleep that is cancelled rejects', async () => {
    await systemClock.sleep(1)
    await assert.rejects(systemClock.sleep(60_000, AbortSignal.abort()), { code: 'cancelled' })
  })
})
