import type { Estimate, Reconciliation, ShapeCounts } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { type Lot, LotState } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { formatCount, formatEstimate, formatPercent, formatQuantity } from '../format-number.ts'
import type { Column } from '../render-table.ts'
import { describeTime } from './describe-time.ts'

/** An estimate as plain JSON; null where the plant has none. */
export function estimateJson(estimate: Estimate | undefined): object | null {
  if (estimate === undefined) return null
  const { value, lower, upper, confidence } = estimate
  return { value, lower, upper, confidence }
}

/** Counts as plain JSON. */
export function reconciliationJson(counts: Reconciliation | undefined): Record<string, unknown> {
  const reasons = counts?.notJudgedByReason
  return {
    rowsAcquired: counts?.rowsAcquired ?? 0n,
    rowsLost: counts?.rowsLost ?? 0n,
    strips: counts?.strips ?? 0n,
    found: counts?.found ?? 0n,
    classified: counts?.classified ?? 0n,
    screened: counts?.screened ?? 0n,
    shed: counts?.shed ?? 0n,
    notJudged: counts?.notJudged ?? 0n,
    notJudgedByReason: {
      cluster: reasons?.cluster ?? 0n,
      oversize: reasons?.oversize ?? 0n,
      imageEdge: reasons?.imageEdge ?? 0n,
      lostRows: reasons?.lostRows ?? 0n,
    },
    audited: counts?.audited ?? 0n,
    auditSampled: counts?.auditSampled ?? 0n,
    ng: counts?.ng ?? 0n,
    dust: counts?.dust ?? 0n,
  }
}

/** Pellets by shape as plain JSON. */
export function shapesJson(shapes: ShapeCounts | undefined): Record<string, unknown> {
  return {
    regular: shapes?.regular ?? 0n,
    fines: shapes?.fines ?? 0n,
    tails: shapes?.tails ?? 0n,
    twins: shapes?.twins ?? 0n,
    clusters: shapes?.clusters ?? 0n,
  }
}

const stateNames: Readonly<Record<number, string>> = {
  [LotState.UNSPECIFIED]: 'unknown',
  [LotState.OPEN]: 'open',
  [LotState.CLOSING]: 'closing',
  [LotState.CLOSED]: 'closed',
}

/** Name of an enum's value; a plant newer than this program may send others. */
export function nameOf(names: Readonly<Record<number, string>>, value: number): string {
  return names[value] ?? `unknown (${value})`
}

/** A lot as plain JSON. */
export function lotJson(lot: Lot): object {
  return {
    id: lot.id,
    line: lot.line,
    state: nameOf(stateNames, lot.state),
    recipe: lot.recipe,
    recipeVersion: lot.recipeVersion,
    material: lot.material,
    externalJobId: lot.externalJobId,
    openedAt: describeTime(lot.openedUnixNs),
    closedAt: describeTime(lot.closedUnixNs),
    ngPpm: estimateJson(lot.ngPpm),
    ngPpmCorrected: estimateJson(lot.ngPpmCorrected),
    disagreement: estimateJson(lot.disagreement),
    simulated: lot.simulated,
    stripsStamped: lot.stripsStamped,
    shapes: shapesJson(lot.shapes),
    specked: lot.specked,
    specksMeasured: lot.specksMeasured,
    grayDeviation: lot.grayDeviation ?? null,
    models: lot.models.map(({ model, threshold, classified, ng, firstExposedUnixNs, lastExposedUnixNs }) => ({
      id: model?.id ?? '',
      sha256: model?.sha256 ?? '',
      threshold,
      classified,
      ng,
      firstExposedAt: describeTime(firstExposedUnixNs),
      lastExposedAt: describeTime(lastExposedUnixNs),
    })),
    note: lot.note,
    reconciliation: { ...reconciliationJson(lot.reconciliation), balanced: lot.balanced },
  }
}

/** Columns of a table of lots. */
export const lotColumns: readonly Column[] = [
  { title: 'Lot', cut: 'tail' },
  { title: 'Line' },
  { title: 'State' },
  { title: 'Recipe', cut: 'tail' },
  { title: 'Found', align: 'right' },
  { title: 'NG', align: 'right' },
  { title: 'NG ppm', align: 'right' },
  { title: 'Not judged', align: 'right' },
  { title: 'Balanced' },
  { title: 'Opened' },
]

/** A lot as a row of that table. */
export function lotRow(lot: Lot): readonly string[] {
  const counts = lot.reconciliation
  return [
    lot.id,
    lot.line,
    nameOf(stateNames, lot.state),
    lot.recipe === '' ? '-' : `${lot.recipe} v${lot.recipeVersion}`,
    formatCount(counts?.found ?? 0n),
    formatCount(counts?.ng ?? 0n),
    formatEstimate(lot.ngPpm, formatCount),
    formatCount(counts?.notJudged ?? 0n),
    lot.balanced ? 'yes' : 'NO',
    describeTime(lot.openedUnixNs) ?? '-',
  ]
}

/** Everything known of one lot, as rows of name and value. */
export function lotDetails(lot: Lot): readonly (readonly [string, string])[] {
  const counts = lot.reconciliation
  const reasons = counts?.notJudgedByReason
  const count = (value: bigint | undefined) => formatCount(value ?? 0n)
  return [
    ['Lot', lot.id],
    ['Line', lot.line],
    ['State', nameOf(stateNames, lot.state) + (lot.simulated ? ' (simulated)' : '')],
    ['Recipe', lot.recipe === '' ? '-' : `${lot.recipe}, version ${lot.recipeVersion}`],
    ['Material', lot.material === '' ? '-' : lot.material],
    ['Job of the MES', lot.externalJobId === '' ? '-' : lot.externalJobId],
    ['Opened', describeTime(lot.openedUnixNs) ?? '-'],
    ['Closed', describeTime(lot.closedUnixNs) ?? '-'],
    ['NG, ppm', formatEstimate(lot.ngPpm, formatCount)],
    ['NG, ppm, corrected', formatEstimate(lot.ngPpmCorrected, formatCount)],
    ['Disagreement', formatEstimate(lot.disagreement, (share) => formatPercent(share))],
    ['Rows acquired', count(counts?.rowsAcquired)],
    ['Rows lost', count(counts?.rowsLost)],
    ['Strips', `${count(counts?.strips)} of ${lot.stripsStamped === 0n ? '?' : count(lot.stripsStamped)} stamped`],
    ['Pellets found', count(counts?.found)],
    ['  classified', count(counts?.classified)],
    ['    of these NG', count(counts?.ng)],
    ['  screened', count(counts?.screened)],
    ['  shed', count(counts?.shed)],
    ['  not judged', count(counts?.notJudged)],
    ['    cluster', count(reasons?.cluster)],
    ['    oversize', count(reasons?.oversize)],
    ['    image edge', count(reasons?.imageEdge)],
    ['    lost rows', count(reasons?.lostRows)],
    ['Shape regular', count(lot.shapes?.regular)],
    ['  fines', count(lot.shapes?.fines)],
    ['  tails', count(lot.shapes?.tails)],
    ['  twins', count(lot.shapes?.twins)],
    ['  clusters', count(lot.shapes?.clusters)],
    ['With a speck', describeSpecked(lot)],
    ['Gray, from reference', lot.grayDeviation === undefined ? '-' : formatSigned(lot.grayDeviation)],
    ['Audited', describeAudited(counts)],
    ['Dust', count(counts?.dust)],
    ...lot.models.map(
      ({ model, classified, ng, threshold }) =>
        [
          `Judged by ${model?.id ?? '?'}`,
          `${count(classified)}, NG ${count(ng)}, at ${formatQuantity(threshold)}`,
        ] as const,
    ),
    ['Counts balance', lot.balanced ? 'yes' : 'NO'],
    ...(lot.note === '' ? [] : [['Note', lot.note] as const]),
  ]
}

function describeAudited(counts: Reconciliation | undefined): string {
  const { audited = 0n, auditSampled = 0n } = counts ?? {}
  // An older plant does not tell, and an audit may be booked before its part.
  if (auditSampled < audited) return formatCount(audited)
  return `${formatCount(audited)} of ${formatCount(auditSampled)} drawn`
}

function describeSpecked({ specked, specksMeasured }: Lot): string {
  if (specksMeasured === 0n) return 'not measured'
  const share = formatPercent(Number(specked) / Number(specksMeasured))
  return `${formatCount(specked)} of ${formatCount(specksMeasured)} measured (${share})`
}

function formatSigned(value: number): string {
  return `${value < 0 ? '-' : '+'}${formatQuantity(Math.abs(value))}`
}
