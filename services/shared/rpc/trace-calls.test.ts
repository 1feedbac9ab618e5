import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LotService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { currentSpan, withSpan } from '../telemetry/current-span.ts'
import { silentLogger } from '../telemetry/logger.ts'
import { noTelemetry, type SpanRecord, type Telemetry } from '../telemetry/telemetry.ts'
import { createRpcClient } from './create-rpc-client.ts'
import { implement } from './implement.ts'
import { startRpcServer } from './start-rpc-server.ts'
import type { ServiceHandlers } from './types.ts'

const context = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), sampled: true }

interface Recorded {
  readonly spans: SpanRecord[]
  readonly times: (object | undefined)[]
}

function record(into: Recorded): Telemetry {
  return {
    ...noTelemetry,
    tracing: true,
    stripShare: 1,
    writeSpan: (span) => into.spans.push(span),
    histogram: () => ({ record: (_, labels) => void into.times.push(labels) }),
  }
}

/** A server whose handlers tell what span they run in, and a client; both write what they do. */
async function withCalls(run: (setup: Setup) => Promise<void>) {
  const server: Recorded = { spans: [], times: [] }
  const client: Recorded = { spans: [], times: [] }
  const seen: (string | undefined)[] = []
  const handlers = {
    async getLot({ lot }: { lot: string }) {
      await Promise.resolve()
      seen.push(currentSpan()?.context.spanId)
      if (lot === 'none') throw new PelletlineError('not_found', 'No such lot.')
      return { lot: { id: lot } }
    },
    async *watchResults() {
      for (const position of [1n, 2n]) {
        await Promise.resolve()
        seen.push(currentSpan()?.context.spanId)
        yield { position }
      }
    },
  } as unknown as ServiceHandlers<typeof LotService>
  const running = await startRpcServer({
    implementations: [implement(LotService, handlers)],
    logger: silentLogger,
    telemetry: record(server),
  })
  const lots = createRpcClient(LotService, { address: running.address, telemetry: record(client) })
  try {
    await run({ lots, server, client, seen })
  } finally {
    lots.close()
    await running.drain(5_000)
  }
}

interface Setup {
  readonly lots: ReturnType<typeof createRpcClient<typeof LotService>>
  readonly server: Recorded
  readonly client: Recorded
  readonly seen: (string | undefined)[]
}

const getLot = 'pelletline.mes.v1.LotService/GetLot'
const watchResults = 'pelletline.mes.v1.LotService/WatchResults'

describe('traced calls', () => {
  it('go on with the trace of their caller, client and server each with a span', () =>
    withCalls(async ({ lots, server, client, seen }) => {
      await withSpan({ context }, () => lots.getLot({ lot: 'lot-1' }))
      const [called] = client.spans
      const [answered] = server.spans
      assert.deepEqual([called?.name, called?.kind, called?.parentSpanId], [getLot, 'client', context.spanId])
      assert.deepEqual(
        [answered?.name, answered?.kind, answered?.parentSpanId, answered?.context.traceId],
        [getLot, 'server', called?.context.spanId, context.traceId],
      )
      assert.deepEqual(seen, [answered?.context.spanId])
      assert.equal(answered?.attributes?.['rpc.system.name'], 'grpc')
      assert.equal(answered?.attributes?.['rpc.response.status_code'], 'OK')
      assert.deepEqual(server.times, [{ rpc_method: getLot, rpc_code: 'OK' }])
    }))

  it('that fail say with what code', () =>
    withCalls(async ({ lots, server, client }) => {
      await assert.rejects(
        withSpan({ context }, () => lots.getLot({ lot: 'none' })),
        { code: 'not_found' },
      )
      assert.deepEqual([client.spans[0]?.error, server.spans[0]?.error], ['NOT_FOUND', 'NOT_FOUND'])
    }))

  it('of streams are in their span at every step, and their time is no figure', () =>
    withCalls(async ({ lots, server, seen }) => {
      await withSpan({ context }, async () => {
        for await (const result of lots.watchResults({})) assert.ok(result.position > 0n)
      })
      assert.equal(server.spans[0]?.name, watchResults)
      assert.deepEqual(seen, [server.spans[0]?.context.spanId, server.spans[0]?.context.spanId])
      assert.equal(server.times.length, 0)
    }))

  it('of a caller without a trace begin one at the server', () =>
    withCalls(async ({ lots, server, client }) => {
      await lots.getLot({ lot: 'lot-1' })
      assert.equal(client.spans.length, 0)
      assert.equal(server.spans[0]?.parentSpanId, undefined)
      assert.match(server.spans[0]?.context.traceId ?? '', /^[0-9a-f]{32}$/)
    }))
})
