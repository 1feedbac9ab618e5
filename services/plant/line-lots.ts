import type { ShapeCounts } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { AlertService, type Lot, LotService, LotState } from '../gen/pelletline/mes/v1/mes_pb.ts'
import { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import type { Clock } from '../shared/service/clock.ts'
import type { LineStatus, LotMeasures } from './line-status.ts'
import type { PlantServices } from './plant-services.ts'

/**
 * Opens a lot on a line as an MES would; a line becomes known by its first watch. A lot that is open on the line is closed
 * before: the plant that fed it was killed or has left, and nothing of it can come any more. Returns the lot's name.
 */
export async function openLot(services: Pick<PlantServices, 'client'>, line: string, lot: string): Promise<string> {
  let left = ''
  for await (const { assignment } of services.client(RegistryService).watchLine({ line })) {
    left = assignment?.lot ?? ''
    break
  }
  const lots = services.client(LotService)
  const request = { lot, line, externalJobId: `simulated-${lot}` }
  try {
    await lots.openLot(request)
  } catch (reason) {
    if (PelletlineError.from(reason).code !== 'failed_precondition' || left === '') throw reason
    await lots.closeLot({ lot: left })
    await lots.openLot(request)
  }
  return lot
}

/** Closes a lot and waits until its counts are final, at most `timeoutMs`; returns the lot as it is then. */
export async function closeLot(services: PlantServices, lot: string, clock: Clock, timeoutMs: number): Promise<Lot> {
  const lots = services.client(LotService)
  const deadline = clock.now() + timeoutMs
  let current = (await lots.closeLot({ lot })).lot
  while (current !== undefined && current.state !== LotState.CLOSED && clock.now() < deadline) {
    await clock.sleep(50)
    current = (await lots.getLot({ lot })).lot
  }
  if (current === undefined) throw new PelletlineError('internal', `Lot ${lot} was closed and not answered.`)
  return current
}

/** Puts the final figures of a closed lot, with the alerts raised in it, in the place of the running ones. */
export async function describeClosedLot(services: PlantServices, status: LineStatus, lot: Lot): Promise<LineStatus> {
  const { alerts } = await services.client(AlertService).listAlerts({ line: status.line, pageSize: 1000 })
  const reconciliation = lot.reconciliation ?? status.reconciliation
  return {
    ...status,
    lot: lot.id,
    reconciliation,
    balanced: lot.balanced && lot.state === LotState.CLOSED,
    ngPpm: lot.ngPpm,
    ngPpmCorrected: lot.ngPpmCorrected,
    disagreement: lot.disagreement,
    audited: Number(reconciliation.audited),
    alerts: alerts.filter((alert) => alert.lot === lot.id),
    ...(lot.shapes === undefined ? {} : { measures: takeMeasures(lot, lot.shapes) }),
  }
}

function takeMeasures(lot: Lot, shapes: ShapeCounts): LotMeasures {
  return {
    shapes,
    specked: Number(lot.specked),
    specksMeasured: Number(lot.specksMeasured),
    grayDeviation: lot.grayDeviation,
  }
}
