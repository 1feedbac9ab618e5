import {
  alignedPanels,
  type Figure,
  plainLabels,
  plotFigure,
} from '../../../services/distillation/report/figures/figure.ts'
import { plotColours } from '../../../services/shared/plots/render-plot.ts'
import type { Spread } from '../measure.ts'
import { type MethodFigures, megabytesOf } from './measure-throughput.ts'
import type { SegmentationReport } from './segmentation-report.ts'

/** A camera of 8,192 pixels at 45,000 rows/s. */
const lineRate = 369

/** Speed of every method on every strip: median, quartiles, the line rate. */
export function drawThroughput(figures: readonly MethodFigures[]): Promise<Figure> {
  const values = figures
    .filter(({ method }) => method !== 'copy')
    .map(({ scene, title, method, mbPerSecond }) => ({
      scene: `${scene} strip`,
      title,
      ours: chainOf(method) ? 'OpenCV' : 'ours',
      ...mbPerSecond,
    }))
  const order = [...new Set(values.map(({ title }) => title))]
  const y = { field: 'title', type: 'nominal', sort: order, title: null, axis: { labelLimit: 320 } }
  const x = (field: string, title: string | null) => ({
    field,
    type: 'quantitative',
    scale: { type: 'log' },
    title,
    axis: { values: [10, 20, 50, 100, 200, 500, 1000, 2000, 5000] },
  })
  const color = { field: 'ours', type: 'nominal', title: null, scale: { range: [plotColours[0], plotColours[1]] } }
  return plotFigure(
    {
      name: 'throughput',
      title: 'Speed on one core',
      caption: `Megabytes a second on one core, median and quartiles, logarithmic. Dashed: line rate of a camera, ${lineRate} MB/s.`,
    },
    {
      data: { values },
      facet: { row: { field: 'scene', type: 'nominal', title: null, header: { labelAngle: 0, labelAlign: 'left' } } },
      spec: {
        width: 300,
        height: { step: 22 },
        layer: [
          { mark: { type: 'rule', strokeDash: [5, 4], color: '#666' }, encoding: { x: { datum: lineRate } } },
          {
            mark: { type: 'rule', strokeWidth: 3 },
            encoding: { x: x('lower', 'MB/s'), x2: { field: 'upper' }, y, color },
          },
          {
            mark: { type: 'point', filled: true, size: 70, opacity: 1 },
            encoding: { x: x('median', 'MB/s'), y, color },
          },
        ],
      },
    },
  )
}

/** Speed over the height of strips, time over pellets per strip, speed over cameras. */
export function drawScaling({ heights = [], densities = [], cameras = [] }: SegmentationReport): Promise<Figure> {
  const names = [...new Set([...heights, ...cameras].map(({ scene }) => scene))]
  const budgetMs = (megabytesOf(1024) / lineRate) * 1000
  return plotFigure(
    {
      name: 'scaling',
      title: 'Strip height, pellets per strip, cameras',
      caption:
        'The kernel with measures, specks and crops: speed over the rows of a strip, time over the pellets of a strip of 1,024 rows, ' +
        'speed of all cameras together over the cameras (workers of the service). Bands: quartiles. Dashed: line rate.',
    },
    {
      ...alignedPanels,
      hconcat: [
        panel({
          title: 'rows per strip',
          y: 'MB/s',
          limit: lineRate,
          log: true,
          names,
          values: heights.map(({ scene, rows, mbPerSecond }) => ({ scene, at: rows, ...mbPerSecond })),
        }),
        panel({
          title: 'pellets per strip',
          y: 'ms per strip',
          limit: budgetMs,
          names: ['kernel'],
          values: densities.map(({ pellets, msPerStrip }) => ({ scene: 'kernel', at: pellets, ...msPerStrip })),
        }),
        panel({
          title: 'cameras',
          y: 'MB/s, all',
          limit: lineRate,
          names,
          values: cameras.map(({ scene, cameras: at, mbPerSecond }) => ({ scene, at, ...mbPerSecond })),
        }),
      ],
    },
  )
}

interface PanelOptions {
  readonly title: string
  readonly y: string
  readonly limit: number
  readonly log?: boolean
  readonly names: readonly string[]
  readonly values: readonly ({ readonly scene: string; readonly at: number } & Spread)[]
}

function panel({ title, y, limit, log = false, names, values }: PanelOptions) {
  const ticks = [...new Set(values.map(({ at }) => at))]
  const axis = ticks.length <= 2 || log ? { values: ticks, ...plainLabels } : plainLabels
  const x = { field: 'at', type: 'quantitative', title, axis, scale: log ? { type: 'log', base: 2 } : { nice: true } }
  const color = {
    field: 'scene',
    type: 'nominal',
    title: null,
    scale: { domain: names, range: plotColours.slice(0, names.length) },
    legend: names.length > 1 ? { orient: 'top' } : null,
  }
  const quantity = (field: string) => ({ field, type: 'quantitative', title: y, scale: { zero: true } })
  return {
    width: 160,
    height: 180,
    data: { values },
    layer: [
      { mark: { type: 'rule', strokeDash: [5, 4], color: '#666' }, encoding: { y: { datum: limit } } },
      { mark: { type: 'area', opacity: 0.25 }, encoding: { x, y: quantity('lower'), y2: { field: 'upper' }, color } },
      { mark: { type: 'line', point: true }, encoding: { x, y: quantity('median'), color } },
    ],
  }
}

function chainOf(method: string): boolean {
  return method === 'threshold' || method === 'canny' || method === 'watershed'
}
