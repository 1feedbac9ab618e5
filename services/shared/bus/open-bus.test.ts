import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { systemClock } from '../service/clock.ts'
import { silentLogger } from '../telemetry/logger.ts'
import { kafkaConfigSchema } from './bus-config.ts'
import { openBus } from './open-bus.ts'

describe('openBus', { timeout: 60_000 }, () => {
  /** Takes connections and never answers. */
  let silent: Server
  let address: string
  const sockets = new Set<Socket>()
  before(async () => {
    silent = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
    }).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    address = `127.0.0.1:${(silent.address() as AddressInfo).port}`
  })
  after(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const connected = async () => {
    while (sockets.size === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const open = (clock = systemClock, signal?: AbortSignal) => {
    const config = kafkaConfigSchema.parse({ kind: 'kafka', brokers: [address] })
    return openBus(config, { plant: 'plant-1', clientId: 'test', clock, logger: silentLogger, signal })
  }

  it('a broker that does not answer is given up at an abort', async () => {
    const control = new AbortController()
    const opening = open(systemClock, control.signal)
    opening.catch(() => {})
    await connected()
    control.abort(new PelletlineError('cancelled', 'The service was told to end.'))
    await assert.rejects(opening, { code: 'cancelled', message: 'The service was told to end.' })
  })

  it('a broker that does not answer is given up after its time, by name and with what to do', async () => {
    const clock = { ...systemClock, sleep: () => connected() }
    await assert.rejects(open(clock), (error: PelletlineError) => {
      assert.equal(error.code, 'unavailable')
      assert.ok(error.retryable)
      assert.ok(error.message.includes(`did not succeed within 30 s at ${address}`), error.message)
      assert.ok(error.message.endsWith(`npx pelletline topics check --brokers ${address}`), error.message)
      return true
    })
  })
})
