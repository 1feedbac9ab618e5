import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AlertService, LotService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { RegistryService } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { implement } from '../../shared/rpc/implement.ts'
import { createLocalClient } from '../../shared/rpc/local-client.ts'
import type { ServiceHandlers } from '../../shared/rpc/types.ts'
import { systemClock } from '../../shared/service/clock.ts'
import { createPatientClient } from './patient-client.ts'
import { createLineReader } from './read-line.ts'

/** Books of one lot that can be out of reach. */
function createBooks() {
  const books = { lot: 'LOT-1', found: 0n, reachable: true, calls: 0 }
  const answer = <T>(value: T): T => {
    books.calls++
    if (books.reachable) return value
    throw new PelletlineError('unavailable', 'analytics is starting', { retryAfterMs: 1 })
  }
  const lots = implement(LotService, {
    getLot: async ({ lot }: { lot: string }) =>
      answer({ lot: { id: lot, balanced: true, reconciliation: { found: books.found, audited: 3n, rowsLost: 2n } } }),
  } as unknown as ServiceHandlers<typeof LotService>)
  const alerts = implement(AlertService, {
    listAlerts: async () => answer({ alerts: [{ id: 'alert-1', lot: 'LOT-1' }] }),
  } as unknown as ServiceHandlers<typeof AlertService>)
  const registry = implement(RegistryService, {
    listLines: async () => answer({ lines: [{ id: 'line-1', assignment: { lot: books.lot } }] }),
  } as unknown as ServiceHandlers<typeof RegistryService>)
  const [lotClient, alertClient] = [createLocalClient(lots), createLocalClient(alerts)]
  return { books, lots: lotClient, alerts: alertClient, registry: createLocalClient(registry) }
}

describe('a line read over gRPC', () => {
  it('has the counts of its lot, its open alerts, and the rate between readings however far apart they are', async () => {
    const { books, ...clients } = createBooks()
    let now = 0
    const read = createLineReader({ ...clients, clock: { now: () => now } })
    assert.equal((await read('line-1')).pelletsPerSecond, 0)
    const rates: number[] = []
    for (const [ms, found] of [
      [7_000, 4_200n],
      [8_000, 4_500n],
      [9_000, 4_800n],
    ] as const) {
      now = ms
      books.found = found
      rates.push((await read('line-1')).pelletsPerSecond)
    }
    assert.deepEqual(rates, [600, 300, 300])
    const report = await read('line-1')
    assert.deepEqual(
      [report.reconciliation.found, report.reconciliation.balanced, report.audited, report.rowsLost],
      [4_800n, true, 3, 2n],
    )
    assert.deepEqual(
      report.alerts.map(({ id }) => id),
      ['alert-1'],
    )
  })

  it('is that of the lot in force, whose rate begins with it', async () => {
    const { books, ...clients } = createBooks()
    let now = 0
    const read = createLineReader({ ...clients, clock: { now: () => now } })
    books.found = 9_000n
    assert.equal((await read('line-1')).lot, 'LOT-1')
    now = 1_000
    Object.assign(books, { lot: 'LOT-2', found: 100n })
    const begun = await read('line-1')
    assert.deepEqual([begun.lot, begun.pelletsPerSecond], ['LOT-2', 0])
    now = 2_000
    books.found = 700n
    assert.equal((await read('line-1')).pelletsPerSecond, 600)
    await assert.rejects(read('line-9'), { code: 'not_found' })
  })

  it('keeps its last report while analytics cannot be reached, and says so where there is none', async () => {
    const { books, ...clients } = createBooks()
    const read = createLineReader({ ...clients, clock: systemClock })
    books.reachable = false
    await assert.rejects(read('line-1'), { code: 'unavailable' })
    books.reachable = true
    books.found = 7n
    await read('line-1')
    books.reachable = false
    assert.equal((await read('line-1')).reconciliation.found, 7n)
  })
})

describe('a patient client', () => {
  it('repeats a call until its service is back, and gives up when the plant ends', async () => {
    const { books, lots } = createBooks()
    const ending = new AbortController()
    const patient = createPatientClient(LotService, lots, {
      clock: systemClock,
      patienceMs: 60_000,
      signal: ending.signal,
    })
    books.reachable = false
    const asked = patient.getLot({ lot: 'LOT-1' })
    while (books.calls < 2) await new Promise(setImmediate)
    books.reachable = true
    assert.equal((await asked).lot?.id, 'LOT-1')
    books.reachable = false
    ending.abort()
    await assert.rejects(patient.getLot({ lot: 'LOT-1' }), { code: 'unavailable' })
  })
})
