import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LotService } from '../gen/pelletline/mes/v1/mes_pb.ts'
import { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { openLot } from './line-lots.ts'
import type { PlantServices } from './plant-services.ts'

/** Lots of one line as analytics keeps them: one may be open at a time. */
function createLots(open?: { readonly lot: string; readonly externalJobId: string; readonly balanced?: boolean }) {
  let current = open
  const calls: string[] = []
  const lots = {
    async openLot({ lot, externalJobId }: { lot: string; externalJobId: string }) {
      if (current !== undefined)
        throw new PelletlineError('failed_precondition', `Line line-1 has lot ${current.lot} open.`)
      calls.push(`open ${lot} by ${externalJobId}`)
      current = { lot, externalJobId }
    },
    async closeLot({ lot }: { lot: string }) {
      calls.push(`close ${lot}`)
      if (lot === current?.lot) current = undefined
    },
    getLot: async () => ({ lot: current }),
  }
  const registry = {
    async *watchLine() {
      yield { assignment: { lot: current?.lot ?? 'unassigned-line-1' } }
    },
  }
  const clients = new Map<unknown, unknown>([
    [LotService, lots],
    [RegistryService, registry],
  ])
  const services = { client: (service: unknown) => clients.get(service) } as unknown as PlantServices
  return { services, calls }
}

describe('openLot', () => {
  it('closes the lot that a killed plant left open before it opens its own', async () => {
    const { services, calls } = createLots({ lot: 'line-1-old', externalJobId: 'simulated-line-1-old' })
    const opened = await openLot(services, 'line-1', 'line-1-new', assert.fail)
    assert.deepEqual(opened, { name: 'line-1-new', before: undefined })
    assert.deepEqual(calls, ['close line-1-old', 'open line-1-new by simulated-line-1-new'])
  })

  it('goes on in a lot that somebody else opened, and says so', async () => {
    for (const externalJobId of ['JOB-7', '']) {
      const left = { lot: 'LOT-42', externalJobId, balanced: true }
      const { services, calls } = createLots(left)
      const reports: string[] = []
      const inForce = await openLot(services, 'line-1', 'line-1-new', (text) => void reports.push(text))
      assert.deepEqual(inForce, { name: 'LOT-42', before: left })
      assert.deepEqual(calls, [])
      assert.deepEqual(reports, ['line-1 goes on in lot LOT-42, which this plant did not open and does not close'])
    }
  })

  it('says of a lot that an earlier run has left unbalanced how this run is judged', async () => {
    const { services } = createLots({ lot: 'LOT-42', externalJobId: 'JOB-7', balanced: false })
    const reports: string[] = []
    await openLot(services, 'line-1', 'line-1-new', (text) => void reports.push(text))
    assert.match(
      reports.join(),
      /does not close; its counts did not balance before, so the run is judged by what it adds/,
    )
  })

  it('closes nothing where no lot is open', async () => {
    const { services, calls } = createLots()
    await openLot(services, 'line-1', 'line-1-new', assert.fail)
    assert.deepEqual(calls, ['open line-1-new by simulated-line-1-new'])
  })
})
