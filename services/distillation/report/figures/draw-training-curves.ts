import type { ReportedModel } from '../experiment-report.ts'
import { epochPanel } from './epoch-panel.ts'
import { alignedPanels, type Figure, type FigureDescription, plotFigure } from './figure.ts'
import type { Series, SeriesStyle } from './series-style.ts'

/** A model whose history is drawn, its name in the legend and its style. */
export interface DrawnHistory {
  readonly model: ReportedModel
  readonly label: string
  readonly style: SeriesStyle
}

const width = 268
const height = 122

/** Loss, val_loss, val_acc and learning rate over the epochs, all trainings on the same axes: the paper's figures 6 and 8. */
export function drawTrainingCurves(
  description: FigureDescription,
  histories: readonly DrawnHistory[],
): Promise<Figure> {
  const series: Series[] = histories.map(({ label, style }) => ({ label, style }))
  const kept = histories.map(({ label, model }) => ({ epoch: model.keptEpoch, series: label }))
  const values = (value: (record: ReportedModel['history'][number]) => number) =>
    histories.flatMap(({ label, model }) =>
      model.history.map((record) => ({ epoch: record.epoch, series: label, value: value(record) })),
    )
  const size = { series, width, height, legend: 'top' as const }
  return plotFigure(description, {
    ...alignedPanels,
    columns: 2,
    concat: [
      epochPanel({ ...size, title: 'loss', values: values(({ loss }) => loss) }),
      epochPanel({ ...size, title: 'val_loss', values: values(({ valLoss }) => valLoss), kept }),
      epochPanel({ ...size, title: 'val_acc, %', values: values(({ valAccuracy }) => 100 * valAccuracy), kept }),
      epochPanel({ ...size, title: 'learning rate', values: values(({ rate }) => rate), format: '.1e' }),
    ],
    resolve: { scale: { color: 'shared', strokeDash: 'shared' } },
  })
}
