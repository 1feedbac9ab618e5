import type { LineStatus, LotMeasures } from './line-status.ts'

const headings = [
  'line',
  'rows/s',
  'pellets/s',
  'NG ppm',
  'corrected',
  'audited',
  'disagree',
  'lost rows',
  'queue',
  'alerts',
]

function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function formatPercent(share: number, decimals: number): string {
  return `${(share * 100).toFixed(decimals)} %`
}

function cellsOf(status: LineStatus): string[] {
  const { ngPpm, ngPpmCorrected, disagreement } = status
  return [
    status.line,
    formatCount(status.rowsPerSecond),
    status.pelletsPerSecond === undefined ? '-' : formatCount(status.pelletsPerSecond),
    ngPpm === undefined ? '-' : formatCount(ngPpm.value),
    ngPpmCorrected === undefined
      ? '-'
      : `${formatCount(ngPpmCorrected.value)} (${formatCount(ngPpmCorrected.lower)}..${formatCount(ngPpmCorrected.upper)})`,
    formatCount(status.audited),
    disagreement === undefined ? '-' : formatPercent(disagreement.value, 2),
    formatCount(Number(status.reconciliation.rowsLost)),
    formatPercent(status.queueFill, 0),
    formatCount(status.alerts.length),
  ]
}

/** Columns that a narrow terminal goes without, the first one first. */
const dispensable = ['queue', 'rows/s', 'corrected', 'lost rows', 'audited', 'disagree', 'pellets/s']

/**
 * The live table: one row per line of the plant, columns aligned, without escape codes. Where the whole does not fit into
 * `maxWidth` characters, whole columns are left out, since half a number is a wrong one.
 */
export function renderStatusTable(
  statuses: readonly LineStatus[],
  maxWidth: number = Number.POSITIVE_INFINITY,
): string[] {
  const rows = [headings, ...statuses.map(cellsOf)]
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  let columns = headings.map((_, column) => column)
  const width = () => columns.reduce((sum, column) => sum + (widths[column] ?? 0) + 2, -2)
  for (const name of dispensable) {
    if (width() <= maxWidth) break
    columns = columns.filter((column) => headings[column] !== name)
  }
  return rows.map((row) =>
    columns
      .map((column) => {
        const cell = row[column] ?? ''
        return column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
      })
      .join('  '),
  )
}

/** One plain line per line of the plant, for logs and pipes. */
export function renderStatusLine(status: LineStatus): string {
  const cells = cellsOf(status)
  return headings.map((heading, column) => (column === 0 ? cells[0] : `${heading} ${cells[column]}`)).join(', ')
}

/** The reconciliation of a lot as a person reads it: every count, and whether they add up; shapes and specks below it. */
export function renderReconciliation(status: LineStatus): string[] {
  const counts = status.reconciliation
  const judged = counts.classified + counts.screened + counts.shed + counts.notJudged
  const entries: [string, bigint, string][] = [
    ['rows acquired', counts.rowsAcquired, ''],
    ['rows lost', counts.rowsLost, ''],
    ['strips', counts.strips, ''],
    ['pellets found', counts.found, ''],
    ['  classified', counts.classified, `of these NG ${counts.ng.toLocaleString('en-US')}`],
    ['  screened', counts.screened, ''],
    ['  shed', counts.shed, ''],
    ['  not judged', counts.notJudged, describeNotJudged(status)],
    ['audited', counts.audited, ''],
  ]
  const numbers = entries.map(([, value]) => value.toLocaleString('en-US'))
  const width = Math.max(...numbers.map((text) => text.length))
  return [
    `Lot ${status.lot} on ${status.line}${status.isOpen ? ', which stays open' : ''}: ${status.balanced ? 'the counts balance' : 'THE COUNTS DO NOT BALANCE'} (found ${counts.found.toLocaleString('en-US')}, accounted for ${judged.toLocaleString('en-US')})`,
    ...entries.map(
      ([name, , note], i) => `  ${name.padEnd(16)}${numbers[i]?.padStart(width)}${note === '' ? '' : `  ${note}`}`,
    ),
    ...(status.measures === undefined ? [] : renderMeasures(status.measures)),
  ]
}

function renderMeasures({ shapes, specked, specksMeasured, grayDeviation }: LotMeasures): string[] {
  const named = (['regular', 'fines', 'tails', 'twins', 'clusters'] as const).map(
    (name) => `${name} ${shapes[name].toLocaleString('en-US')}`,
  )
  const share = () => `${formatPercent(specked / specksMeasured, 2)} of ${formatCount(specksMeasured)} measured`
  const specks = specksMeasured === 0 ? 'not measured' : `in ${formatCount(specked)} pellets (${share()})`
  const gray = grayDeviation === undefined ? '' : `; gray ${grayDeviation.toFixed(1)} from the reference`
  return [`  ${'shapes'.padEnd(16)}${named.join(', ')}`, `  ${'specks'.padEnd(16)}${specks}${gray}`]
}

function describeNotJudged(status: LineStatus): string {
  const reasons = status.reconciliation.notJudgedByReason
  if (reasons === undefined || status.reconciliation.notJudged === 0n) return ''
  const named: [string, bigint][] = [
    ['cluster', reasons.cluster],
    ['oversize', reasons.oversize],
    ['image edge', reasons.imageEdge],
    ['lost rows', reasons.lostRows],
  ]
  return named
    .filter(([, count]) => count > 0n)
    .map(([name, count]) => `${name} ${count.toLocaleString('en-US')}`)
    .join(', ')
}
