import { plotColours, renderPlot } from '../../shared/plots/render-plot.ts'
import type { EpochRecord } from '../training/checkpoint.ts'
import { epochPanel } from './figures/epoch-panel.ts'
import type { Series } from './figures/series-style.ts'

const training: Series = { label: 'training', style: { colour: plotColours[0], dash: [], shape: 'circle' } }
const validation: Series = { label: 'validation', style: { colour: plotColours[1], dash: [6, 3], shape: 'square' } }
const rate: Series = { label: 'learning rate', style: { colour: plotColours[2], dash: [], shape: 'circle' } }

/**
 * The curves of a training as SVG: loss, accuracy and learning rate over the epochs; training and validation in one plot
 * each, the kept epoch marked by a line.
 */
export function drawCurves(title: string, history: readonly EpochRecord[], bestEpoch: number): Promise<string> {
  const size = { width: 340, height: 240 }
  const values = (series: Series, value: (record: EpochRecord) => number) =>
    history.map((record) => ({ epoch: record.epoch, series: series.label, value: value(record) }))
  const both = { ...size, series: [training, validation], kept: [{ epoch: bestEpoch, series: validation.label }] }
  return renderPlot({
    title: { text: title, subtitle: `kept: epoch ${bestEpoch} (vertical line)`, anchor: 'start', offset: 12 },
    hconcat: [
      epochPanel({
        ...both,
        title: 'loss',
        legend: 'aboveTitle',
        values: [...values(training, ({ loss }) => loss), ...values(validation, ({ valLoss }) => valLoss)],
      }),
      epochPanel({
        ...both,
        title: 'accuracy, %',
        legend: 'aboveTitle',
        values: [
          ...values(training, ({ accuracy }) => 100 * accuracy),
          ...values(validation, ({ valAccuracy }) => 100 * valAccuracy),
        ],
      }),
      epochPanel({
        ...size,
        title: 'learning rate',
        format: '.1e',
        series: [rate],
        values: history.map((record) => ({ epoch: record.epoch, series: rate.label, value: record.rate })),
      }),
    ],
    resolve: { scale: { color: 'independent', strokeDash: 'independent' } },
  })
}

/** The history as CSV: epoch, loss, accuracy, val_loss, val_accuracy, learning_rate, seconds. */
export function formatHistoryCsv(history: readonly EpochRecord[]): string {
  const lines = history.map(({ epoch, loss, accuracy, valLoss, valAccuracy, rate, seconds }) =>
    [epoch, loss, accuracy, valLoss, valAccuracy, rate, seconds.toFixed(2)].join(','),
  )
  return ['epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds', ...lines, ''].join('\n')
}
