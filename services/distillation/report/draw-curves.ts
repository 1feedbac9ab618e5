import { plotColours, renderPlot } from '../../shared/plots/render-plot.ts'
import type { EpochRecord } from '../training/checkpoint.ts'

const colours = { training: plotColours[0], validation: plotColours[1], rate: plotColours[2] }

/**
 * The curves of a training as SVG: loss, accuracy and learning rate over the epochs; training and validation in one plot
 * each, the kept epoch marked by a line.
 */
export function drawCurves(title: string, history: readonly EpochRecord[], bestEpoch: number): Promise<string> {
  const rows = history.flatMap((record) => [
    { epoch: record.epoch, part: 'training', loss: record.loss, accuracy: 100 * record.accuracy },
    { epoch: record.epoch, part: 'validation', loss: record.valLoss, accuracy: 100 * record.valAccuracy },
  ])
  // Single points matter while there are few of them.
  const points = history.length <= 40
  const size = { width: 340, height: 240 }
  const x = {
    field: 'epoch',
    type: 'quantitative',
    title: 'epoch',
    axis: { tickMinStep: 1, grid: false },
    scale: { domain: [1, Math.max(history.length, 2)] },
  }
  const kept = {
    data: { values: [{ epoch: bestEpoch }] },
    mark: { type: 'rule', color: '#666', strokeDash: [3, 3] },
    encoding: { x },
  }
  const curve = (field: 'loss' | 'accuracy', label: string) => ({
    ...size,
    title: label,
    layer: [
      kept,
      {
        data: { values: rows },
        mark: { type: 'line', point: points, strokeWidth: 2 },
        encoding: {
          x,
          y: { field, type: 'quantitative', title: label, scale: { zero: false } },
          color: {
            field: 'part',
            type: 'nominal',
            title: null,
            scale: { domain: ['training', 'validation'], range: [colours.training, colours.validation] },
            legend: { orient: 'bottom' },
          },
        },
      },
    ],
  })
  return renderPlot({
    title: { text: title, subtitle: `kept: epoch ${bestEpoch} (dashed)`, anchor: 'start', offset: 12 },
    hconcat: [
      curve('loss', 'loss'),
      curve('accuracy', 'accuracy, %'),
      {
        ...size,
        title: 'learning rate',
        data: { values: history.map(({ epoch, rate }) => ({ epoch, rate })) },
        mark: { type: 'line', color: colours.rate, strokeWidth: 2, point: points && { color: colours.rate } },
        encoding: { x, y: { field: 'rate', type: 'quantitative', title: 'learning rate', axis: { format: '.1e' } } },
      },
    ],
    resolve: { scale: { color: 'shared' } },
  })
}

/** The history as CSV: epoch, loss, accuracy, val_loss, val_accuracy, learning_rate, seconds. */
export function formatHistoryCsv(history: readonly EpochRecord[]): string {
  const lines = history.map(({ epoch, loss, accuracy, valLoss, valAccuracy, rate, seconds }) =>
    [epoch, loss, accuracy, valLoss, valAccuracy, rate, seconds.toFixed(2)].join(','),
  )
  return ['epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds', ...lines, ''].join('\n')
}
