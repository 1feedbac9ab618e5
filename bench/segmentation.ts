// Speed of the segmentation kernel on one thread: strips of 8192 x 1024 px, sparse as a line and dense with clusters.
import { createSegmenter } from '../services/roi-segmentation/index.ts'
import type { SegmentationSettings } from '../services/roi-segmentation/kernel/types.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { drawStrip } from './support/draw-strip.ts'
import { countComponents } from './support/label-runs.ts'
import { type Contestant, interleave, ratesOf, ratioOf, spreadOf } from './support/measure.ts'
import { type Figure, printReport, type Ratio } from './support/print-report.ts'

const width = 8192
const rows = 1024
const megabytes = (width * rows) / 1e6
const settings: SegmentationSettings = {
  threshold: 90,
  medianAreaPx: 970,
  minAreaPx: 60,
  cropScale: 1,
  maxPelletRows: 1024,
  maxPelletsPerStrip: 20_000,
}
const scenes = [
  { name: 'sparse', pellets: 570, touchingShare: 0.12, seed: 1 },
  { name: 'dense', pellets: 2000, touchingShare: 0.4, seed: 2 },
]

await runBench(async () => {
  const { json, numbers } = readBenchOptions({ rounds: 7, strips: 4 })
  const { rounds, strips } = numbers
  const figures: Figure[] = []
  const ratios: Ratio[] = []
  const facts: Record<string, number> = {}
  for (const scene of scenes) {
    const { pixels } = drawStrip({ width, rows, ...scene })
    const copy = new Uint8Array(pixels.length)
    const segmenter = createSegmenter({ width })
    let firstRow = 0
    let found = 0
    let judged = 0
    let pushed = 0
    const repeat = (work: () => void) => () => {
      for (let i = 0; i < strips; i++) work()
    }
    const contestants: readonly Contestant[] = [
      {
        name: 'kernel',
        run: repeat(() => {
          const { pellets } = segmenter.push({ pixels, width, rows, firstRow, rowsLostBefore: 0 }, settings)
          firstRow += rows
          pushed++
          found += pellets.count
          judged += pellets.notJudged.reduce((sum, reason) => sum + (reason === 0 ? 1 : 0), 0)
        }),
      },
      { name: 'plain pass', run: repeat(() => void countComponents(pixels, width, rows, 90, settings.minAreaPx)) },
      { name: 'copy', run: repeat(() => copy.set(pixels)) },
    ]
    const times = await interleave(contestants, rounds)
    for (const { name } of contestants) {
      const ms = times.get(name)!
      const what = `${scene.name}, ${name}`
      figures.push({ what, unit: 'ms/strip', spread: spreadOf(ms.map((value) => value / strips)) })
      figures.push({ what, unit: 'MB/s', spread: spreadOf(ratesOf(ms, strips * megabytes)) })
    }
    const kernel = times.get('kernel')!
    for (const reference of ['plain pass', 'copy']) {
      const spread = ratioOf(kernel, times.get(reference)!)
      ratios.push({ what: `${scene.name}, time of the kernel`, against: reference, spread })
    }
    facts[`${scene.name}, pellets found per strip`] = Math.round(found / pushed)
    facts[`${scene.name}, pellets with a crop per strip`] = Math.round(judged / pushed)
    facts[`${scene.name}, components of the plain pass`] = countComponents(pixels, width, rows, 90, settings.minAreaPx)
  }
  printReport(
    {
      bench: 'segmentation',
      about:
        'pellets found, split, measured and cropped by the kernel on one thread, strips of 8192 x 1024 px. The plain pass only ' +
        'thresholds, joins runs and counts components; the copy is the speed of memory.',
      rounds,
      figures,
      ratios,
      facts,
    },
    json,
  )
})
