import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LotService } from '../gen/pelletline/mes/v1/mes_pb.ts'
import { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { openLot } from './line-lots.ts'
import type { PlantServices } from './plant-services.ts'

/** Lots of one line as analytics keeps them: one may be open at a time. */
function createLots(open: string | undefined) {
  let current = open
  const calls: string[] = []
  const lots = {
    async openLot({ lot }: { lot: string }) {
      if (current !== undefined)
        throw new PelletlineError('failed_precondition', `Line line-1 has lot ${current} open.`)
      calls.push(`open ${lot}`)
      current = lot
    },
    async closeLot({ lot }: { lot: string }) {
      calls.push(`close ${lot}`)
      if (lot === current) current = undefined
    },
  }
  const registry = {
    async *watchLine() {
      yield { assignment: { lot: current ?? 'unassigned-line-1' } }
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
    const { services, calls } = createLots('line-1-old')
    assert.equal(await openLot(services, 'line-1', 'line-1-new'), 'line-1-new')
    assert.deepEqual(calls, ['close line-1-old', 'open line-1-new'])
  })

  it('closes nothing where no lot is open', async () => {
    const { services, calls } = createLots(undefined)
    await openLot(services, 'line-1', 'line-1-new')
    assert.deepEqual(calls, ['open line-1-new'])
  })
})
