import type { CalibrationProfile } from '../../shared/calibration/calibration-profile.ts'
import { plotColours, renderPlot } from '../../shared/plots/render-plot.ts'

/** Points of a curve across the sensor: wide sensors are thinned to this, each point the mean of its columns. */
const mostPoints = 1024

/** The calibration as SVG: light reference as the camera saw it, gain, dark level over the columns; bad columns marked. */
export function drawCalibration(profile: CalibrationProfile): Promise<string> {
  const { name, width, dark, gain, badColumns, referenceLevel } = profile
  const bad = new Set(badColumns.map(({ column }) => column))
  const seen = gain.map((value, column) => referenceLevel / value + dark[column]!)
  const marks = badColumns.map(({ column, reason }) => ({ column, reason }))
  const panel = (title: string, values: readonly number[], colour: string) => ({
    width: 720,
    height: 150,
    layer: [
      {
        data: { values: marks },
        mark: { type: 'rule', color: plotColours[1], opacity: 0.6 },
        encoding: { x: { field: 'column', type: 'quantitative' } },
      },
      {
        data: { values: thinned(values, bad) },
        mark: { type: 'line', color: colour, strokeWidth: 1.2 },
        encoding: {
          x: { field: 'column', type: 'quantitative', title: 'column, px', scale: { domain: [0, width], nice: false } },
          y: { field: 'value', type: 'quantitative', title, scale: { zero: false } },
        },
      },
    ],
  })
  return renderPlot({
    title: {
      text: `Calibration ${name}`,
      subtitle: `${width} columns, ${badColumns.length} bad (upright lines)`,
      anchor: 'start',
      offset: 12,
    },
    vconcat: [
      panel('light reference, gray', seen, plotColours[0]),
      panel('gain', gain, plotColours[2]),
      panel('dark, gray', dark, plotColours[3]),
    ],
  })
}

function thinned(values: readonly number[], bad: ReadonlySet<number>): { column: number; value: number }[] {
  const step = Math.max(1, Math.ceil(values.length / mostPoints))
  const points: { column: number; value: number }[] = []
  for (let from = 0; from < values.length; from += step) {
    const to = Math.min(values.length, from + step)
    let sum = 0
    let count = 0
    for (let column = from; column < to; column++) {
      if (bad.has(column)) continue
      sum += values[column]!
      count++
    }
    if (count > 0) points.push({ column: (from + to - 1) / 2, value: sum / count })
  }
  return points
}
