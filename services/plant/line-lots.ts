import type { ShapeCounts } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { AlertService, type Lot, LotService, LotState } from '../gen/pelletline/mes/v1/mes_pb.ts'
import { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import type { Clock } from '../shared/service/clock.ts'
import type { LineStatus, LotMeasures } from './line-status.ts'
import type { PlantHooks, PlantServices } from './plant-services.ts'

/** Job of the lots that a plant opens by itself; whose job begins otherwise belongs to somebody else, an MES as a rule. */
const ownJob = 'simulated-'

/** Whether a plant opened the lot by itself. */
export function isOwn({ externalJobId }: Lot): boolean {
  return externalJobId.startsWith(ownJob)
}

/**
 * Opens a lot on a line as an MES would; a line becomes known by its first watch. A lot of a plant that was killed or has
 * left is closed before: nothing of it can come any more. One that somebody else opened goes on with the run, which is
 * reported. Returns the name of the lot that is in force.
 */
export async function openLot(
  services: Pick<PlantServices, 'client'>,
  line: string,
  lot: string,
  report: PlantHooks['report'],
): Promise<string> {
  let left = ''
  for await (const { assignment } of services.client(RegistryService).watchLine({ line })) {
    left = assignment?.lot ?? ''
    break
  }
  const lots = services.client(LotService)
  const request = { lot, line, externalJobId: `${ownJob}${lot}` }
  try {
    await lots.openLot(request)
    return lot
  } catch (reason) {
    if (PelletlineError.from(reason).code !== 'failed_precondition' || left === '') throw reason
  }
  const { lot: open } = await lots.getLot({ lot: left })
  if (open !== undefined && !isOwn(open)) {
    report(`${line} goes on in lot ${left}, which this plant did not open and does not close`)
    return left
  }
  await lots.closeLot({ lot: left })
  await lots.openLot(request)
  return lot
}

/** Lots of a line from `first`, with which a run began, to the newest, in that order. */
export async function listRunLots(services: PlantServices, line: string, first: string): Promise<readonly Lot[]> {
  const lots = services.client(LotService)
  const found: Lot[] = []
  let pageToken = ''
  do {
    const page = await lots.listLots({ line, pageSize: 100, pageToken })
    for (const lot of page.lots) {
      found.unshift(lot)
      if (lot.id === first) return found
    }
    pageToken = page.nextPageToken
  } while (pageToken !== '')
  throw new PelletlineError('internal', `Lot ${first} is not among the lots of ${line}.`)
}

/**
 * Ends a lot with the run: one that the plant opened, or that is closing, is closed; one that somebody else has open stays so.
 * Returns the lot as it is then.
 */
export async function endLot(services: PlantServices, lot: Lot, clock: Clock, timeoutMs: number): Promise<Lot> {
  return lot.state === LotState.OPEN && !isOwn(lot) ? lot : closeLot(services, lot.id, clock, timeoutMs)
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

/** Puts the final figures of a lot that was ended, with the alerts raised in it, in the place of the running ones. */
export async function describeEndedLot(services: PlantServices, status: LineStatus, lot: Lot): Promise<LineStatus> {
  const { alerts } = await services.client(AlertService).listAlerts({ line: status.line, pageSize: 1000 })
  const reconciliation = lot.reconciliation ?? status.reconciliation
  return {
    ...status,
    lot: lot.id,
    reconciliation,
    // What somebody else has open is judged by what has arrived, which is all that the run has sent.
    balanced: lot.balanced && (lot.state === LotState.CLOSED || lot.state === LotState.OPEN),
    isOpen: lot.state === LotState.OPEN,
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
