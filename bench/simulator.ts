// Speed of the line simulator on one thread: rows of the default line, with and without a pool of pellets, and crops.
import {
  createLineRenderer,
  defaultLine,
  type LineSettingsInput,
  resolveLineSettings,
  simulateCrops,
} from '../services/line-simulator/index.ts'
import { createSegmenter } from '../services/roi-segmentation/index.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { type Contestant, interleave, ratesOf, ratioOf, spreadOf } from './support/measure.ts'
import { type Figure, printReport } from './support/print-report.ts'

const seed = 1

interface Scene {
  readonly name: string
  readonly settings: LineSettingsInput
}

const scenes: readonly Scene[] = [
  { name: 'default line, every pellet drawn anew', settings: {} },
  { name: 'wide line, pool of 2,048 pellets', settings: { preset: 'wide' } },
]

await runBench(async () => {
  const { json, numbers } = readBenchOptions({ rounds: 5, seconds: 1, crops: 400 })
  const { rounds, seconds, crops } = numbers
  const figures: Figure[] = []
  const pixels = seconds * defaultLine.rowsPerSecond * defaultLine.width
  const renderers = scenes.map(({ name, settings }) => createScene(name, settings, pixels))
  const source = new Uint8Array(pixels).fill(1)
  const copied = new Uint8Array(pixels)
  const contestants: readonly Contestant[] = [
    ...renderers,
    {
      name: 'copy',
      run: () => copied.set(source),
    },
    ...(['line', 'wide'] as const).map((variety) => ({
      name: `crops, ${variety}`,
      run: async () => {
        await simulateCrops({ count: crops, ngShare: 0.5, seed, variety, createSegmenter })
      },
    })),
  ]
  const times = await interleave(contestants, rounds)
  for (const { name, pelletsOfRun } of renderers) {
    const ms = times.get(name)!
    figures.push({ what: name, unit: 'MB/s', spread: spreadOf(ratesOf(ms, pixels / 1e6)) })
    figures.push({ what: name, unit: 'pellets/s', spread: spreadOf(ratesOf(ms, pelletsOfRun)) })
  }
  figures.push({ what: 'copy', unit: 'MB/s', spread: spreadOf(ratesOf(times.get('copy')!, pixels / 1e6)) })
  for (const variety of ['line', 'wide']) {
    const rates = ratesOf(times.get(`crops, ${variety}`)!, crops)
    figures.push({ what: `simulated crops, ${variety}`, unit: 'crops/s', spread: spreadOf(rates) })
  }
  const due = Array.from({ length: rounds }, () => seconds * 1000)
  printReport(
    {
      bench: 'simulator',
      about:
        'rows rendered on one thread, and labelled crops (rendered, segmented, matched with the truth). References: a copy of as ' +
        'many bytes, and the time that the default line itself takes for its rows.',
      rounds,
      figures,
      ratios: [
        ...renderers.map(({ name }) => ({
          what: `${name}, time`,
          against: 'copy',
          spread: ratioOf(times.get(name)!, times.get('copy')!),
        })),
        {
          what: `${renderers[0]!.name}, speed`,
          against: 'the line in real time',
          spread: ratioOf(due, times.get(renderers[0]!.name)!),
        },
      ],
    },
    json,
  )
})

/** A renderer that goes on along its belt with every run; all render the same number of pixels. */
function createScene(name: string, input: LineSettingsInput, pixels: number) {
  const settings = resolveLineSettings(input)
  const renderer = createLineRenderer({ settings, seed })
  const { width, stripRows } = settings
  const rows = Math.round(pixels / width)
  const out = new Uint8Array(stripRows * width)
  let firstRow = 0
  const render = (count: number) => {
    for (const end = firstRow + count; firstRow < end; ) {
      const strip = Math.min(stripRows, end - firstRow)
      renderer.render(firstRow, strip, out.subarray(0, strip * width))
      firstRow += strip
    }
  }
  // A pool fills as the belt goes on; what is measured is the line that runs, not its start.
  render(Math.round((6 * settings.spritePool * 1e6) / settings.pelletsPerMpx / width))
  return {
    name,
    pelletsOfRun: (settings.pelletsPerMpx * rows * width) / 1e6,
    run: () => render(rows),
  }
}
