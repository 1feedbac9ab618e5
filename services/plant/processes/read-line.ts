import { create } from '@bufbuild/protobuf'
import type { LineReport } from '../../analytics/index.ts'
import type { Estimate } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { ReconciliationSchema } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { AlertService, LotService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import type { RegistryService } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { ServiceClient } from '../../shared/rpc/types.ts'
import type { Clock } from '../../shared/service/clock.ts'
import { isOutOfReach } from '../out-of-reach.ts'

export interface LineReaderOptions {
  readonly registry: ServiceClient<typeof RegistryService>
  readonly lots: ServiceClient<typeof LotService>
  readonly alerts: ServiceClient<typeof AlertService>
  readonly clock: Pick<Clock, 'now'>
}

/** Time over which a line's rate is told, ms, as analytics does. */
const rateWindowMs = 5_000
const callTimeoutMs = 5_000
const nothing: Estimate = {
  $typeName: 'pelletline.inspection.v1.Estimate',
  value: 0,
  lower: 0,
  upper: 1,
  confidence: 0,
}

/**
 * Reads what a line does, and the lot in force on it, from the plant's gRPC surface, as anybody outside can. While analytics cannot be reached, the last
 * report stands.
 */
export function createLineReader({
  registry,
  lots,
  alerts,
  clock,
}: LineReaderOptions): (line: string) => Promise<LineReport> {
  const readings = new Map<string, { readonly lot: string; readonly found: number; readonly atMs: number }[]>()
  const last = new Map<string, LineReport>()

  /** Pellets of a lot found per second since the oldest reading within the window, or the one before it where there is none. */
  function rateOf(line: string, lot: string, found: number): number {
    const atMs = clock.now()
    const all = (readings.get(line) ?? []).filter((reading) => reading.lot === lot)
    const recent = all.filter((reading) => atMs - reading.atMs <= rateWindowMs)
    const known = recent.length === 0 ? all.slice(-1) : recent
    readings.set(line, [...known, { lot, found, atMs }])
    const [oldest] = known
    return oldest === undefined || oldest.atMs === atMs ? 0 : ((found - oldest.found) * 1000) / (atMs - oldest.atMs)
  }

  async function read(line: string): Promise<LineReport> {
    const call = { timeoutMs: callTimeoutMs }
    const { lines } = await registry.listLines({}, call)
    const lot = lines.find(({ id }) => id === line)?.assignment?.lot
    if (lot === undefined)
      throw new PelletlineError('not_found', `Line ${line} is not known. It becomes known when its gateway starts.`)
    const [{ lot: found }, { alerts: open }] = await Promise.all([
      lots.getLot({ lot }, call),
      alerts.listAlerts({ line, unresolvedOnly: true, pageSize: 1000 }, call),
    ])
    if (found === undefined) throw new PelletlineError('internal', `Lot ${lot} was asked for and not answered.`)
    const counts = found.reconciliation ?? create(ReconciliationSchema)
    return {
      line,
      lot,
      pelletsPerSecond: rateOf(line, lot, Number(counts.found)),
      ngPpm: found.ngPpm ?? nothing,
      ...(found.ngPpmCorrected === undefined ? {} : { ngPpmCorrected: found.ngPpmCorrected }),
      audited: Number(counts.audited),
      disagreement: found.disagreement ?? nothing,
      rowsLost: counts.rowsLost,
      alerts: open,
      reconciliation: { ...counts, balanced: found.balanced },
    }
  }

  return async (line) => {
    try {
      const report = await read(line)
      last.set(line, report)
      return report
    } catch (reason) {
      const known = last.get(line)
      const error = PelletlineError.from(reason)
      if (known === undefined || !isOutOfReach(error)) throw error
      return known
    }
  }
}
