import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LotService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { checkHealth } from '../rpc/check-health.ts'
import { createRpcClient } from '../rpc/create-rpc-client.ts'
import { implement } from '../rpc/implement.ts'
import type { ServiceHandlers } from '../rpc/types.ts'
import { silentLogger } from '../telemetry/logger.ts'
import { telemetryConfigSchema } from '../telemetry/telemetry-config.ts'
import { systemClock } from './clock.ts'
import { runService } from './run-service.ts'
import { serveWhileLoading } from './serve-while-loading.ts'
import { untilThere } from './until-there.ts'

const noTelemetryConfig = telemetryConfigSchema.parse(undefined)

const handlers = {
  getLot: async ({ lot }: { lot: string }) => ({ lot: { id: lot } }),
} as unknown as ServiceHandlers<typeof LotService>

/** The port that a server of a test takes; the second of two that the system gave is not given again at once. */
async function freeAddress(): Promise<string> {
  const { createServer } = await import('node:net')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return `127.0.0.1:${port}`
}

const isUnavailable = (error: unknown) => error instanceof PelletlineError && error.code === 'unavailable'

describe('a service that loads', () => {
  it('listens and refuses while it waits, serves once what it needs is there, and closes what it stands on last', async () => {
    const listen = await freeAddress()
    const database = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    const order: string[] = []
    let attempts = 0
    const starting = serveWhileLoading({
      name: 'books',
      config: { plant: 'plant-1', listen, logLevel: 'silent', telemetry: noTelemetryConfig },
      services: [LotService],
      async create({ untilThere: wait, onEnd, onReady }) {
        await wait('the database', async () => {
          attempts++
          if (attempts < 3) throw new PelletlineError('unavailable', 'connection refused', { retryAfterMs: 1 })
          asked.resolve()
          await database.promise
        })
        onEnd(() => void order.push('first opened'))
        onEnd(() => void order.push('last opened'))
        return {
          implementations: [implement(LotService, handlers)],
          start: async () => onReady(true),
          drain: async () => void order.push('drained'),
        }
      },
      signal: new AbortController().signal,
    })
    await asked.promise
    assert.equal(attempts, 3)
    const lots = createRpcClient(LotService, { address: listen })
    await assert.rejects(lots.getLot({ lot: 'LOT-1' }), /books is starting/)
    await assert.rejects(checkHealth(listen), isUnavailable)
    database.resolve()
    const service = await starting
    assert.equal(service.ready, listen)
    await checkHealth(listen, { service: LotService.typeName })
    assert.equal((await lots.getLot({ lot: 'LOT-1' })).lot?.id, 'LOT-1')
    lots.close()
    await service.drain(1000)
    assert.deepEqual(order, ['drained', 'last opened', 'first opened'])
    await assert.rejects(checkHealth(listen), isUnavailable)
  })

  it('gives its address back and closes what it stands on where it cannot start', async () => {
    const listen = await freeAddress()
    const closed: string[] = []
    const serve = () =>
      serveWhileLoading({
        name: 'books',
        config: { plant: 'plant-1', listen, logLevel: 'silent', telemetry: noTelemetryConfig },
        services: [LotService],
        create({ onEnd }) {
          onEnd(() => void closed.push('database'))
          throw new PelletlineError('failed_precondition', 'The schema is newer than the program.')
        },
        signal: new AbortController().signal,
      })
    await assert.rejects(serve(), /schema is newer/)
    await assert.rejects(serve(), /schema is newer/)
    assert.deepEqual(closed, ['database', 'database'])
  })

  it('that can do no work any more drains and leaves with 1 and the reason', async () => {
    const order: string[] = []
    let fail: (reason: PelletlineError) => void = assert.fail
    const serving = Promise.withResolvers<void>()
    const running = runService({
      name: 'books',
      process: {
        on: () => undefined,
        off: () => undefined,
        exit: (code) => void order.push(`exit ${code}`),
        writeError(text) {
          if (text.startsWith('READY')) serving.resolve()
          else order.push(text.trim())
        },
      },
      start: (signal) =>
        serveWhileLoading({
          name: 'books',
          config: { plant: 'plant-1', listen: '127.0.0.1:0', logLevel: 'silent', telemetry: noTelemetryConfig },
          services: [LotService],
          create({ onReady, onFailed }) {
            fail = onFailed
            return {
              implementations: [implement(LotService, handlers)],
              start: async () => onReady(true),
              drain: async () => void order.push('drained'),
            }
          },
          signal,
        }),
    })
    await serving.promise
    fail(new PelletlineError('unavailable', 'No worker is left.'))
    await running
    assert.deepEqual(order, ['drained', 'books: No worker is left.', 'exit 1'])
  })
})

describe('untilThere', () => {
  it('gives up waiting when it is told to end, and at once for an error that stays', async () => {
    const leaving = new AbortController()
    let attempts = 0
    const waiting = untilThere(
      async () => {
        if (++attempts === 2) leaving.abort(new PelletlineError('cancelled', 'told to end'))
        throw new PelletlineError('unavailable', 'nobody there')
      },
      { what: 'the bus', clock: systemClock, logger: silentLogger, signal: leaving.signal, firstMs: 1 },
    )
    await assert.rejects(waiting)
    assert.equal(attempts, 2)
    const refuse = async () => {
      throw new PelletlineError('failed_precondition', 'the topics belong to plant-2')
    }
    await assert.rejects(
      untilThere(refuse, { what: 'the bus', clock: systemClock, logger: silentLogger }),
      /belong to plant-2/,
    )
  })
})
