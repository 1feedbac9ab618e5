import { type Alert, AlertKind, AlertState } from '../gen/pelletline/events/v1/events_pb.ts'
import type { Estimate } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { LineStatus, LotMeasures, TruthTally } from './line-status.ts'

const million = 1e6

/** Rounds to a number of decimals, so that reports do not carry binary noise. */
function round(value: number, decimals: number): number {
  const factor = 10 ** decimals
  return Math.round(value * factor) / factor
}

function reportInterval(estimate: Estimate, decimals: number) {
  return {
    lower: round(estimate.lower, decimals),
    upper: round(estimate.upper, decimals),
    confidence: estimate.confidence,
  }
}

const alertKindNames: Readonly<Record<number, string>> = {
  [AlertKind.UNSPECIFIED]: 'unspecified',
  [AlertKind.DISAGREEMENT]: 'disagreement',
  [AlertKind.ROWS_LOST]: 'rows-lost',
  [AlertKind.DIRT]: 'dirt',
  [AlertKind.LIGHT]: 'light',
}

const alertStateNames: Readonly<Record<number, string>> = {
  [AlertState.UNSPECIFIED]: 'unspecified',
  [AlertState.ACTIVE]: 'active',
  [AlertState.ACKNOWLEDGED]: 'acknowledged',
  [AlertState.RESOLVED]: 'resolved',
}

function isoTime(unixNs: bigint): string | null {
  return unixNs === 0n ? null : new Date(Number(unixNs / 1_000_000n)).toISOString()
}

function reportAlert(alert: Alert) {
  return {
    id: alert.id,
    kind: alertKindNames[alert.kind],
    state: alertStateNames[alert.state],
    lot: alert.lot,
    value: alert.value === undefined ? null : round(alert.value.value, 6),
    limit: alert.limit,
    raisedAt: isoTime(alert.raisedUnixNs),
    resolvedAt: isoTime(alert.resolvedUnixNs),
    message: alert.message,
  }
}

function reportMeasures({ shapes, specked, specksMeasured, grayDeviation }: LotMeasures) {
  return {
    shapes: {
      regular: Number(shapes.regular),
      fines: Number(shapes.fines),
      tails: Number(shapes.tails),
      twins: Number(shapes.twins),
      clusters: Number(shapes.clusters),
    },
    specked,
    specksMeasured,
    grayDeviation: grayDeviation === undefined ? null : round(grayDeviation, 3),
  }
}

/** The JSON object of one lot of a line: what `up --json` prints. Shares are 0..1, ppm per million classified pellets, null where not known. */
export function reportLine(status: LineStatus) {
  const counts = status.reconciliation
  const { truth } = status
  return {
    line: status.line,
    lot: status.lot,
    isOpen: status.isOpen,
    pelletsPerSecond: status.pelletsPerSecond === undefined ? null : round(status.pelletsPerSecond, 1),
    ngPpm: status.ngPpm === undefined ? null : round(status.ngPpm.value, 1),
    ngPpmInterval: status.ngPpm === undefined ? null : reportInterval(status.ngPpm, 1),
    ngPpmCorrected: status.ngPpmCorrected === undefined ? null : round(status.ngPpmCorrected.value, 1),
    ngPpmCorrectedInterval: status.ngPpmCorrected === undefined ? null : reportInterval(status.ngPpmCorrected, 1),
    audited: status.audited,
    disagreement: status.disagreement === undefined ? null : round(status.disagreement.value, 6),
    disagreementInterval: status.disagreement === undefined ? null : reportInterval(status.disagreement, 6),
    alerts: status.alerts.map(reportAlert),
    reconciliation: {
      rowsAcquired: Number(counts.rowsAcquired),
      rowsLost: Number(counts.rowsLost),
      strips: Number(counts.strips),
      found: Number(counts.found),
      classified: Number(counts.classified),
      screened: Number(counts.screened),
      shed: Number(counts.shed),
      notJudged: Number(counts.notJudged),
      audited: Number(counts.audited),
      balanced: status.balanced,
    },
    measures: status.measures === undefined ? null : reportMeasures(status.measures),
    isSimulated: true,
    truth: truth === undefined ? null : reportTruth(truth),
  }
}

function reportTruth({ pellets, ng, subSize }: TruthTally) {
  return {
    pellets,
    ngPpm: pellets === 0 ? null : round((ng / pellets) * million, 1),
    subSizePpm: pellets === 0 ? null : round((subSize / pellets) * million, 1),
  }
}
