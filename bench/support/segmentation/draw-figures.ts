import {
  alignedPanels,
  type Figure,
  panelTitle,
  plainLabels,
  plotFigure,
} from '../../../services/distillation/report/figures/figure.ts'
import { plotColours } from '../../../services/shared/plots/render-plot.ts'
import type { Spread } from '../measure.ts'
import { type MethodFigures, megabytesOf } from './measure-throughput.ts'
import { opencvChains } from './opencv-chains.ts'
import type { SegmentationReport } from './segmentation-report.ts'

/** A camera of 8,192 pixels at 45,000 rows/s. */
const lineRate = 369

/** Speed of every method on every strip: median, quartiles, the line rate. */
export function drawThroughput(figures: readonly MethodFigures[]): Promise<Figure> {
  const shown = figures.filter(({ method }) => method !== 'copy')
  const order = [...new Set(shown.map(({ title }) => title))]
  const y = { field: 'title', type: 'nominal', sort: order, title: null, axis: { labelLimit: 400 } }
  const color = {
    field: 'whose',
    type: 'nominal',
    title: null,
    scale: { domain: ['ours', 'OpenCV'], range: plotColours.slice(0, 2) },
    legend: null,
  }
  const x = (field: string) => ({
    field,
    type: 'quantitative',
    scale: { type: 'log', domain: [10, 5000], clamp: true },
    title: 'MB/s',
    axis: { values: [10, 20, 50, 100, 200, 500, 1000, 2000, 5000] },
  })
  const panels = [...new Set(shown.map(({ scene }) => scene))].map((scene) => ({
    width: 320,
    height: { step: 20 },
    data: {
      values: shown
        .filter((figure) => figure.scene === scene)
        .map(({ title, method, mbPerSecond }) => ({
          title,
          whose: isChain(method) ? 'OpenCV' : 'ours',
          ...mbPerSecond,
        })),
    },
    layer: [
      panelTitle(`${scene} strip`),
      { mark: { type: 'rule', strokeDash: [5, 4], color: '#666' }, encoding: { x: { datum: lineRate } } },
      { mark: { type: 'rule', strokeWidth: 3 }, encoding: { x: x('lower'), x2: { field: 'upper' }, y, color } },
      { mark: { type: 'point', filled: true, size: 70, opacity: 1 }, encoding: { x: x('median'), y, color } },
    ],
  }))
  return plotFigure(
    {
      name: 'throughput',
      title: 'Speed on one core',
      caption: `Megabytes a second on one core, median and quartiles, logarithmic. Dashed: line rate of a camera, ${lineRate} MB/s.`,
    },
    { ...alignedPanels, vconcat: panels },
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
      // Room for the longest labels of an axis.
      spacing: { ...alignedPanels.spacing, column: 82 },
      resolve: { scale: { color: 'independent' } },
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
          names: ['any'],
          values: densities.map(({ pellets, msPerStrip }) => ({ scene: 'any', at: pellets, ...msPerStrip })),
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
  const places = [...new Set(values.map(({ at }) => at))]
  const axis = { ...plainLabels, ...(log ? { values: places.filter((_, i) => i % 2 === 0) } : {}), tickMinStep: 1 }
  const x = { field: 'at', type: 'quantitative', title, axis, scale: log ? { type: 'log', base: 2 } : { nice: false } }
  const color = {
    field: 'scene',
    type: 'nominal',
    title: null,
    scale: { domain: names, range: plotColours.slice(0, names.length) },
    legend: names.length > 1 ? { orient: 'top', symbolType: 'stroke', symbolOpacity: 1 } : null,
  }
  const quantity = (field: string) => ({ field, type: 'quantitative', title: y, scale: { zero: true } })
  return {
    width: 146,
    height: 180,
    data: { values },
    layer: [
      { mark: { type: 'rule', strokeDash: [5, 4], color: '#666' }, encoding: { y: { datum: limit } } },
      {
        mark: { type: 'area', opacity: 0.25 },
        encoding: { x, y: quantity('lower'), y2: { field: 'upper' }, color },
      },
      {
        mark: { type: 'line', point: true },
        encoding: {
          x,
          y: quantity('median'),
          color,
        },
      },
    ],
  }
}

function isChain(method: string): boolean {
  return opencvChains.some((chain) => chain === method)
}
