import {
  alignedPanels,
  type Figure,
  panelTitle,
  plotFigure,
} from '../../../services/distillation/report/figures/figure.ts'
import { plotColours } from '../../../services/shared/plots/render-plot.ts'
import { type LoadName, loads } from './loads.ts'
import type { LoadSummary, SystemSummary } from './peers-report.ts'

/** Crops a second and p99 of every measured system under each busy load: median and quartiles. */
export function drawPeers(systems: readonly SystemSummary[]): Promise<Figure> {
  const names = systems.map(titleOf)
  const panels = (['singles', 'batches'] as const).flatMap((name) => [
    panel(systems, names, name, 'cropsPerSecond', 'crops/s'),
    panel(systems, names, name, 'p99Ms', '99 % answered within, ms'),
  ])
  return plotFigure(
    {
      name: 'peers',
      title: 'Serving systems on the same two cores',
      caption:
        'Crops a second and the time within which 99 % were answered, median and quartiles over the rounds. All serve the same fp32 ' +
        'file but the one that says int8.',
    },
    { ...alignedPanels, columns: 2, concat: panels },
  )
}

function panel(
  systems: readonly SystemSummary[],
  names: readonly string[],
  name: LoadName,
  figure: keyof LoadSummary,
  unit: string,
) {
  const y = {
    field: 'title',
    type: 'nominal',
    sort: names,
    title: null,
    axis: { labelLimit: 200, labels: figure === 'cropsPerSecond' },
  }
  const x = (field: string) => ({ field, type: 'quantitative', title: unit, scale: { zero: true } })
  const color = {
    field: 'whose',
    type: 'nominal',
    scale: { domain: ['ours', 'peer'], range: plotColours.slice(0, 2) },
    legend: null,
  }
  return {
    width: 260,
    height: { step: 20 },
    data: {
      values: systems.flatMap((system) =>
        system.loads === undefined
          ? []
          : [{ title: titleOf(system), whose: system.whose, ...system.loads[name][figure] }],
      ),
    },
    layer: [
      panelTitle(loads[name].title),
      { mark: { type: 'rule', strokeWidth: 3 }, encoding: { x: x('lower'), x2: { field: 'upper' }, y, color } },
      { mark: { type: 'point', filled: true, size: 70, opacity: 1 }, encoding: { x: x('median'), y, color } },
    ],
  }
}

function titleOf({ title, whose, precision }: SystemSummary): string {
  return whose === 'ours' ? `${title}, ${precision}` : title
}
