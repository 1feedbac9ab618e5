import assert from 'node:assert/strict'
import { it } from 'node:test'
import { LotService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { silentLogger } from '../telemetry/logger.ts'
import { createRpcClient } from './create-rpc-client.ts'
import { implement } from './implement.ts'
import { createPendingServices } from './pending-services.ts'
import { startRpcServer } from './start-rpc-server.ts'
import type { ServiceHandlers } from './types.ts'

it('a pending service takes no larger message than the one provided, once that is there', async (t) => {
  const pending = createPendingServices([LotService], () => new PelletlineError('unavailable', 'not yet'))
  const server = await startRpcServer({ implementations: pending.implementations, logger: silentLogger })
  const client = createRpcClient(LotService, { address: server.address })
  t.after(() => server.drain(0))
  t.after(() => client.close())
  const getLot = async (bytes: number) => (await client.getLot({ lot: 'x'.repeat(bytes) })).lot?.id.length
  await assert.rejects(getLot(20), { code: 'unavailable' })
  const handlers = { getLot: async ({ lot }: { lot: string }) => ({ lot: { id: lot } }) }
  const lots = implement(LotService, handlers as unknown as ServiceHandlers<typeof LotService>)
  pending.provide([{ ...lots, maxMessageBytes: 40 }])
  assert.equal(await getLot(20), 20)
  await assert.rejects(getLot(50), { code: 'resource_exhausted', message: /GetLot has 52 bytes; at most 40 are taken/ })
})
