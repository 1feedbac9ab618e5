// Both methods of segmentation, by regions and by edges, on simulated scenes that are hard for one or the other.
import process from 'node:process'
import { renderTable } from '../services/cli/render-table.ts'
import { createSegmenter } from '../services/roi-segmentation/index.ts'
import { edgeLevels } from '../services/roi-segmentation/kernel/canny/edge-levels.ts'
import type { SegmentationSettings } from '../services/roi-segmentation/kernel/types.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { type Contestant, interleave, ratioOf, spreadOf } from './support/measure.ts'
import { compareOutlines, settingsFor } from './support/methods/compare-outlines.ts'
import { drawScenes, type Scene } from './support/methods/draw-scenes.ts'

/** The third is a control: what the lower level alone gives, from which edges are looked for. */
const methods = ['regions', 'edges', 'regions, low'] as const
type Method = (typeof methods)[number]

await runBench(async () => {
  const { json, numbers } = readBenchOptions({ rounds: 5, side: 1536, seed: 1 })
  const { rounds, side, seed } = numbers
  const results = []
  for (const scene of drawScenes(side, seed)) results.push(await measureScene(scene, rounds))
  if (json) {
    process.stdout.write(`${JSON.stringify({ bench: 'methods', rounds, side, seed, results })}\n`)
    return
  }
  const share = (value: number) => value.toFixed(3)
  const lines = renderTable(
    [
      { title: 'Scene' },
      { title: 'Method' },
      ...['Pellets', 'Found', 'Recall', 'Precision', 'Mean IoU', 'Area', 'ms/Mpx', 'Ratio'].map((title) => ({
        title,
        align: 'right' as const,
      })),
    ],
    results.flatMap(({ scene, agreement, msPerMpx, ratio }) =>
      methods.map((method, i) => {
        const { truth, found, recall, precision, meanIou, areaBias } = agreement[method]
        return [
          i === 0 ? scene : '',
          method,
          `${truth}`,
          `${found}`,
          share(recall),
          share(precision),
          share(meanIou),
          `${areaBias < 0 ? '' : '+'}${(100 * areaBias).toFixed(1)} %`,
          msPerMpx[method].toFixed(1),
          method === 'edges' ? ratio.toFixed(2) : '',
        ]
      }),
    ),
  )
  process.stdout.write(
    `methods: pellets by their truth found by regions and by edges at an IoU of 0.5, scenes of ${side} x ${side} px; "regions, low"\n` +
      `takes the level at which edges are looked for as its threshold. Area: found over true of the matched.\nTimes of the kernel alone, one thread, medians of ${rounds} rounds, interleaved; ratio edges to regions.\n\n` +
      `${lines.join('\n')}\n\n${results.map(({ scene, about }) => `${scene}: ${about}`).join('\n')}\n`,
  )
})

async function measureScene(scene: Scene, rounds: number) {
  const { width, height: rows, pixels } = scene
  const contestants = methods.map((method): Contestant => {
    const settings = settingsOf(scene, method)
    const segmenter = createSegmenter({ width })
    let firstRow = 0
    return {
      name: method,
      run() {
        segmenter.push({ pixels, width, rows, firstRow, rowsLostBefore: 0 }, settings)
        firstRow += rows
      },
    }
  })
  const times = await interleave(contestants, rounds)
  const perMpx = (method: Method) => (spreadOf(times.get(method)!).median * 1e6) / (width * rows)
  const byMethod = <Value>(of: (method: Method) => Value) =>
    Object.fromEntries(methods.map((method) => [method, of(method)])) as Record<Method, Value>
  return {
    scene: scene.name,
    about: scene.about,
    agreement: byMethod((method) => compareOutlines(scene, settingsOf(scene, method))),
    msPerMpx: byMethod(perMpx),
    ratio: ratioOf(times.get('edges')!, times.get('regions')!).median,
  }
}

function settingsOf(scene: Scene, method: Method): SegmentationSettings {
  if (method !== 'regions, low') return settingsFor(scene, method)
  const settings = settingsFor(scene, 'regions')
  return { ...settings, threshold: edgeLevels(settings).componentLevel }
}
