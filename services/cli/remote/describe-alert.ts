import { type Alert, AlertKind, AlertState } from '../../gen/pelletline/events/v1/events_pb.ts'
import { formatEstimate, formatPercent } from '../format-number.ts'
import type { Column } from '../render-table.ts'
import { estimateJson, nameOf } from './describe-lot.ts'
import { describeTime } from './describe-time.ts'

const kindNames: Readonly<Record<number, string>> = {
  [AlertKind.UNSPECIFIED]: 'unknown',
  [AlertKind.DISAGREEMENT]: 'disagreement',
  [AlertKind.ROWS_LOST]: 'rows-lost',
  [AlertKind.DIRT]: 'dirt',
  [AlertKind.LIGHT]: 'light',
}

const stateNames: Readonly<Record<number, string>> = {
  [AlertState.UNSPECIFIED]: 'unknown',
  [AlertState.ACTIVE]: 'active',
  [AlertState.ACKNOWLEDGED]: 'acknowledged',
  [AlertState.RESOLVED]: 'resolved',
}

/** An alert as plain JSON. */
export function alertJson(alert: Alert): object {
  return {
    id: alert.id,
    kind: nameOf(kindNames, alert.kind),
    state: nameOf(stateNames, alert.state),
    plant: alert.plant,
    line: alert.line,
    lot: alert.lot,
    value: estimateJson(alert.value),
    limit: alert.limit,
    windowAudited: alert.windowAudited,
    message: alert.message,
    raisedAt: describeTime(alert.raisedUnixNs),
    acknowledgedAt: describeTime(alert.acknowledgedUnixNs),
    acknowledgedBy: alert.acknowledgedBy === '' ? null : alert.acknowledgedBy,
    resolvedAt: describeTime(alert.resolvedUnixNs),
  }
}

/** Columns of a table of alerts. */
export const alertColumns: readonly Column[] = [
  { title: 'Alert' },
  { title: 'Kind' },
  { title: 'State' },
  { title: 'Line' },
  { title: 'Lot', cut: 'tail' },
  { title: 'Value', align: 'right' },
  { title: 'Limit', align: 'right' },
  { title: 'Raised' },
  { title: 'Acknowledged by', cut: 'tail' },
]

/** An alert as a row of that table. */
export function alertRow(alert: Alert): readonly string[] {
  return [
    alert.id,
    nameOf(kindNames, alert.kind),
    nameOf(stateNames, alert.state),
    alert.line,
    alert.lot,
    formatEstimate(alert.value, (share) => formatPercent(share)),
    formatPercent(alert.limit),
    describeTime(alert.raisedUnixNs) ?? '-',
    alert.acknowledgedBy || '-',
  ]
}

/** An alert as one line of a log: when it came to its present state, and by whom where a person did that. */
export function alertLine(alert: Alert): string {
  const acknowledged = alert.state === AlertState.ACKNOWLEDGED
  const since = alert.resolvedUnixNs || (acknowledged ? alert.acknowledgedUnixNs : alert.raisedUnixNs)
  const by = acknowledged && alert.acknowledgedBy !== '' ? `by ${alert.acknowledgedBy}: ` : ''
  return `${describeTime(since) ?? '-'}  ${alert.id}  ${nameOf(stateNames, alert.state).padEnd(12)}  ${by}${alert.message}`
}
