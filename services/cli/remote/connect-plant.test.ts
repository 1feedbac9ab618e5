import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { runCliInside } from '../../../test/support/run-cli-inside.ts'
import { LotService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { implement } from '../../shared/rpc/implement.ts'
import { type RpcServer, startRpcServer } from '../../shared/rpc/start-rpc-server.ts'
import { silentLogger } from '../../shared/telemetry/logger.ts'

const away = () => new PelletlineError('unavailable', 'The database plant at db:5432 cannot be reached.')
const unused = async () => ({})
let cut: () => void = () => undefined

const lots = implement(LotService, {
  openLot: unused,
  closeLot: unused,
  getLotDistributions: unused,
  async listLots() {
    throw away()
  },
  getLot: async ({ lot }) => ({ lot: { id: lot } }),
  async *watchResults({ lot }) {
    const key = { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: 'run-1', strip: 4n }
    yield { position: 7n, lot, key, reconciliation: { found: 12n, classified: 11n } }
    if (lot === 'refused') throw away()
    cut()
    await new Promise(() => undefined)
  },
})

describe('a command that talks to a plant', { timeout: 60_000 }, () => {
  let server: RpcServer
  before(async () => {
    server = await startRpcServer({ implementations: [lots], logger: silentLogger })
    cut = () => void server.drain(0)
  })
  after(() => server.drain(0))

  it('prints what a plant that answers says of itself when it cannot serve', async () => {
    const list = await runCliInside('lots', 'list', '--address', server.address)
    assert.deepEqual([list.code, list.stderr], [1, 'pelletline: The database plant at db:5432 cannot be reached.\n'])
  })

  it('says where results are taken up, whether the plant refuses in the middle or goes away', async () => {
    const place = /1 strip parts: 12 pellets found, 11 classified, 0 NG\. Take up with --after 7\./
    const refused = await runCliInside('results', 'refused', '--follow', '--address', server.address)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, place)
    assert.match(refused.stderr, /The database plant at db:5432 cannot be reached/)
    const gone = await runCliInside('results', 'gone', '--follow', '--address', server.address)
    assert.equal(gone.code, 1)
    assert.match(gone.stderr, place)
    const afterwards = await runCliInside('lots', 'list', '--address', server.address)
    assert.match(afterwards.stderr, /No plant answers at .* Start one with `npm start`/)
  })
})
