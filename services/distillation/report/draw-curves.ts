import { logger, None, parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import type { EpochRecord } from '../training/checkpoint.ts'

/** Two colours that stay apart for colour-blind readers (Okabe and Ito). */
const colours = { training: '#0072B2', validation: '#D55E00' }

/**
 * The curves of a training as SVG: loss, accuracy and learning rate over the epochs; training and validation in one plot
 * each, the kept epoch marked by a line.
 */
export async function drawCurves(title: string, history: readonly EpochRecord[], bestEpoch: number): Promise<string> {
  const rows = history.flatMap((record) => [
    { epoch: record.epoch, part: 'training', loss: record.loss, accuracy: 100 * record.accuracy },
    { epoch: record.epoch, part: 'validation', loss: record.valLoss, accuracy: 100 * record.valAccuracy },
  ])
  const rates = history.map(({ epoch, rate }) => ({ epoch, rate }))
  const x = {
    field: 'epoch',
    type: 'quantitative',
    title: 'epoch',
    axis: { tickMinStep: 1, grid: false },
    scale: { domain: [1, Math.max(history.length, 2)] },
  } as const
  const best = {
    data: { values: [{ epoch: bestEpoch, text: `kept: epoch ${bestEpoch}` }] },
    mark: { type: 'rule', color: '#666', strokeDash: [3, 3] },
    encoding: { x: { field: 'epoch', type: 'quantitative' } },
  } as const
  const curve = (field: 'loss' | 'accuracy', label: string) => ({
    width: 340,
    height: 240,
    title: label,
    layer: [
      best,
      {
        data: { values: rows },
        mark: { type: 'line', point: history.length <= 40, strokeWidth: 2 },
        encoding: {
          x,
          y: { field, type: 'quantitative', title: label, scale: { zero: false } },
          color: {
            field: 'part',
            type: 'nominal',
            title: null,
            scale: { domain: Object.keys(colours), range: Object.values(colours) },
            legend: { orient: 'bottom' },
          },
        },
      },
    ],
  })
  const spec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: title, subtitle: `kept: epoch ${bestEpoch} (dashed)`, anchor: 'start', offset: 12 },
    background: 'white',
    padding: 16,
    hconcat: [
      curve('loss', 'loss'),
      curve('accuracy', 'accuracy, %'),
      {
        width: 340,
        height: 240,
        title: 'learning rate',
        data: { values: rates },
        mark: { type: 'line', color: '#009E73', strokeWidth: 2, point: history.length <= 40 && { color: '#009E73' } },
        encoding: {
          x,
          y: { field: 'rate', type: 'quantitative', title: 'learning rate', axis: { format: '.1e' } },
        },
      },
    ],
    resolve: { scale: { color: 'shared' } },
    config: { font: 'DejaVu Sans', axis: { labelFontSize: 11, titleFontSize: 12 }, title: { fontSize: 14 } },
  }
  const quiet = logger(None)
  const view = new View(parse(compile(spec as unknown as TopLevelSpec, { logger: quiet }).spec), {
    renderer: 'none',
    logger: quiet,
  })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}

/** The history as CSV: epoch, loss, accuracy, val_loss, val_accuracy, learning_rate, seconds. */
export function formatHistoryCsv(history: readonly EpochRecord[]): string {
  const lines = history.map(({ epoch, loss, accuracy, valLoss, valAccuracy, rate, seconds }) =>
    [epoch, loss, accuracy, valLoss, valAccuracy, rate, seconds.toFixed(2)].join(','),
  )
  return ['epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds', ...lines, ''].join('\n')
}
