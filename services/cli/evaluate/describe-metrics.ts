import type { ClassifierMetrics } from '../../shared/onnx/model-manifest.ts'
import { formatCount, formatInterval } from '../format-number.ts'
import type { Column } from '../render-table.ts'
import type { Terminal } from '../terminal.ts'

const columns: readonly Column[] = [
  { title: 'Figure' },
  { title: 'Value', align: 'right' },
  { title: '95 % interval', align: 'right' },
]

/** Prints a classifier's figures as a table. */
export function describeMetrics(metrics: ClassifierMetrics, terminal: Terminal): void {
  terminal.printTable(columns, metricsRows(metrics))
}

/** A classifier's figures as rows of name, value and interval; NG is the positive class. */
function metricsRows(metrics: ClassifierMetrics): readonly (readonly string[])[] {
  const { confusion, overkill, escape: escapes } = metrics
  const share = (value: number) => value.toFixed(4)
  const percent = (value: number) => `${(value * 100).toFixed(2)} %`
  const rows: (readonly string[])[] = [
    ['Crops', formatCount(metrics.count), ''],
    ['Threshold on the margin', metrics.threshold.toFixed(3), ''],
    ['OK judged OK', formatCount(confusion.okAsOk), ''],
    ['OK judged NG (overkill)', formatCount(confusion.okAsNg), ''],
    ['NG judged NG', formatCount(confusion.ngAsNg), ''],
    ['NG judged OK (escapes)', formatCount(confusion.ngAsOk), ''],
    estimateRow('Precision', metrics.precision, share),
    estimateRow('Recall', metrics.recall, share),
    estimateRow('Accuracy', metrics.accuracy, share),
    estimateRow('AUC', metrics.auc, share),
    estimateRow('Overkill, ppm', { value: overkill.ppm, low: overkill.lowPpm, high: overkill.highPpm }, formatCount),
  ]
  if (escapes === undefined) return rows
  const rate = ({ rate: value, low, high }: { rate: number | null; low: number | null; high: number | null }) => ({
    value,
    low,
    high,
  })
  rows.push(estimateRow(`Escapes, specks from ${escapes.smallestSpeckPx} px`, rate(escapes), percent))
  for (const size of escapes.bySize) {
    if (size.toPx <= escapes.smallestSpeckPx * (1 + 1e-9)) continue
    const name = `  ${size.fromPx.toFixed(1)} to ${size.toPx.toFixed(1)} px (${formatCount(size.count)})`
    rows.push(estimateRow(name, rate(size), percent))
  }
  return rows
}

function estimateRow(
  name: string,
  estimate: Parameters<typeof formatInterval>[0],
  format: (value: number) => string,
): readonly string[] {
  const [value = '-', interval = ''] = formatInterval(estimate, format).split(/ (?=\()/)
  return [name, value, interval.slice(1, -1)]
}
