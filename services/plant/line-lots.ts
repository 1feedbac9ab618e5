import { unassignedLotName } from '../analytics/index.ts'
import type { ShapeCounts } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { AlertService, type Lot, LotService, LotState } from '../gen/pelletline/mes/v1/mes_pb.ts'
import { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createBackoff } from '../shared/service/backoff.ts'
import type { Clock } from '../shared/service/clock.ts'
import type { LineStatus, LotMeasures } from './line-status.ts'
import type { PlantHooks, PlantServices } from './plant-services.ts'

/** Job of the lots that a plant opens by itself; whose job begins otherwise belongs to somebody else, an MES as a rule. */
const ownJob = 'simulated-'

/** Whether a plant opened the lot by itself. */
function isOwn({ externalJobId }: Lot): boolean {
  return externalJobId.startsWith(ownJob)
}

/** A lot that takes the product of a line from now on. */
export interface OpenedLot {
  readonly name: string
  /** The lot as it was when the run began; undefined where it was opened for the run, with nothing in it. */
  readonly before: Lot | undefined
}

/**
 * Opens a lot on a line as an MES would; a line becomes known by its first watch. A lot of a plant that was killed or has
 * left is closed before: nothing of it can come any more. One that somebody else opened goes on with the run, which is
 * reported. Returns the lot that is in force.
 */
export async function openLot(
  services: Pick<PlantServices, 'client'>,
  line: string,
  lot: string,
  report: PlantHooks['report'],
): Promise<OpenedLot> {
  let left = ''
  for await (const { assignment } of services.client(RegistryService).watchLine({ line })) {
    left = assignment?.lot ?? ''
    break
  }
  const lots = services.client(LotService)
  const request = { lot, line, externalJobId: `${ownJob}${lot}` }
  const opened: OpenedLot = { name: lot, before: undefined }
  try {
    await lots.openLot(request)
    return opened
  } catch (reason) {
    if (PelletlineError.from(reason).code !== 'failed_precondition' || left === '') throw reason
  }
  const { lot: before } = await lots.getLot({ lot: left })
  if (before !== undefined && !isOwn(before)) {
    const known = before.balanced
      ? ''
      : '; its counts did not balance before, so the run is judged by what it adds to them'
    report(`${line} goes on in lot ${left}, which this plant did not open and does not close${known}`)
    return { name: left, before }
  }
  await lots.closeLot({ lot: left })
  await lots.openLot(request)
  return opened
}

/** The lot that counts the product of a line while none is open; the line is known. */
export async function readUnassigned(services: Pick<PlantServices, 'client'>, line: string): Promise<Lot> {
  const name = unassignedLotName(line)
  const { lot } = await services.client(LotService).getLot({ lot: name })
  if (lot === undefined) throw new PelletlineError('internal', `Lot ${name} was asked for and not answered.`)
  return lot
}

/** Lots of a line from `first`, with which a run began, to the newest, in that order. */
export async function listRunLots(services: PlantServices, line: string, first: string): Promise<Lot[]> {
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
 * Ends a lot with the run: one that the plant opened, or that was opened and ended during the run, is closed. One that somebody
 * else has open stays so, as does one of before the run, whose closing may wait for product that is lost for ever; what is
 * on its way to it, also from other cameras, is waited for until the run has ended well in it, see `endedWell`. At most
 * `timeoutMs`; returns the lot as it is then.
 */
export async function endLot(
  services: PlantServices,
  { lot, before }: { readonly lot: Lot; readonly before: Lot | undefined },
  clock: Clock,
  timeoutMs: number,
): Promise<Lot> {
  const deadline = clock.now() + timeoutMs
  const pauses = createPauses()
  let current = lot
  for (;;) {
    if (before === undefined && (current.state !== LotState.OPEN || isOwn(current))) {
      return closeLot(services, current.id, clock, deadline - clock.now())
    }
    if (endedWell(current, before) || clock.now() >= deadline) return current
    await clock.sleep(pauses.fail())
    current = (await services.client(LotService).getLot({ lot: lot.id })).lot ?? current
  }
}

/**
 * Whether nothing of the run is missing in a lot. Where it was there before the run and does not balance, that is judged by what
 * has been added since: what an earlier run lost is missing for ever, and may show only once the lot is closed.
 */
export function endedWell(lot: Lot, before: Lot | undefined): boolean {
  if (before === undefined) return lot.balanced && lot.state !== LotState.CLOSING
  if (lot.balanced) return true
  return (!before.balanced || lot.state !== LotState.OPEN) && addedBalances(lot, before)
}

/** Whether the pellets that were added to a lot have each become something, and the strips have all come. */
function addedBalances(lot: Lot, before: Lot): boolean {
  const added = (count: 'found' | 'classified' | 'screened' | 'shed' | 'notJudged' | 'strips') =>
    (lot.reconciliation?.[count] ?? 0n) - (before.reconciliation?.[count] ?? 0n)
  return (
    added('found') === added('classified') + added('screened') + added('shed') + added('notJudged') &&
    // What an earlier run left on its way may have come as well.
    lot.stripsStamped - before.stripsStamped <= added('strips')
  )
}

/** Pauses between looks at a lot, up to a quarter of a second: lots of many lines close together. */
const createPauses = () => createBackoff({ firstMs: 50, maxMs: 250 })

/** Closes a lot and waits until its counts are final, at most `timeoutMs`; returns the lot as it is then. */
export async function closeLot(services: PlantServices, lot: string, clock: Clock, timeoutMs: number): Promise<Lot> {
  const lots = services.client(LotService)
  const deadline = clock.now() + timeoutMs
  const pauses = createPauses()
  let current = (await lots.closeLot({ lot })).lot
  while (current !== undefined && current.state !== LotState.CLOSED && clock.now() < deadline) {
    await clock.sleep(pauses.fail())
    current = (await lots.getLot({ lot })).lot
  }
  if (current === undefined) throw new PelletlineError('internal', `Lot ${lot} was closed and not answered.`)
  return current
}

/** Puts the final figures of a lot that was ended, with the alerts raised in it, in the place of the running ones. */
export async function describeEndedLot(
  services: PlantServices,
  status: LineStatus,
  { lot, before }: { readonly lot: Lot; readonly before: Lot | undefined },
): Promise<LineStatus> {
  const { alerts } = await services.client(AlertService).listAlerts({ line: status.line, pageSize: 1000 })
  const reconciliation = lot.reconciliation ?? status.reconciliation
  return {
    ...status,
    lot: lot.id,
    reconciliation,
    // What the run does not close is judged by what has arrived, which is all that the run has sent.
    balanced: lot.balanced && (before !== undefined || lot.state !== LotState.CLOSING),
    endedWell: endedWell(lot, before),
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
