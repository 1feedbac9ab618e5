// Segmentation at line rate: speed of the kernel on one core against OpenCV on the same strips, what both find, how speed
// scales, what hard strips cost, memory, accuracy of sizes.
import process from 'node:process'
import { PelletlineError } from '../services/shared/errors/pelletline-error.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { installOpencv } from './support/install-opencv.ts'
import { describeMachine } from './support/print-report.ts'
import { drawHardStrips } from './support/segmentation/draw-hard-strips.ts'
import { judgeGoals } from './support/segmentation/judge-goals.ts'
import { measureCameras } from './support/segmentation/measure-cameras.ts'
import { measureGeometry } from './support/segmentation/measure-geometry.ts'
import { soakKernel } from './support/segmentation/measure-memory.ts'
import { measureOverload } from './support/segmentation/measure-overload.ts'
import { measureDensities, measureHeights } from './support/segmentation/measure-scaling.ts'
import { measureThroughput } from './support/segmentation/measure-throughput.ts'
import { type OpencvProcess, openOpencv } from './support/segmentation/opencv-chains.ts'
import { printSegmentation } from './support/segmentation/print-segmentation.ts'
import { publishResults } from './support/segmentation/publish-results.ts'
import { type Section, type SegmentationReport, sections } from './support/segmentation/segmentation-report.ts'
import { settingsFor, simulateStrip, stripWidth } from './support/segmentation/simulate-strip.ts'

const help = `npm run bench -- segmentation [options]

  --rounds N        rounds of every comparison (default 9)
  --strips N        strips that each method reads in its turn (default 3)
  --soak N          strips that memory is watched over (default 400)
  --only A,B        sections: ${sections.join(', ')} (default all)
  --json            everything as one JSON object on standard output
  --publish DIR     also write tables (Markdown), plots (SVG) and numbers (JSON) into DIR

What docs/results/segmentation shows was made on an idle machine by
  npm run bench -- segmentation --rounds 9 --soak 400 --publish docs/results/segmentation
(10^5 strips of memory: --only memory --soak 100000). OpenCV is installed once into .cache/opencv; without it our own
figures are printed, and the benchmark ends with status 1.
`

const rows = 1024
const scenes = [
  { name: 'sparse', pelletsPerMpx: 66, clusterShare: 0.12, seed: 1 },
  { name: 'dense', pelletsPerMpx: 240, clusterShare: 0.42, seed: 1 },
]
/** Pellets of the curve over the density, per strip. */
const densities = [0, 250, 500, 1000, 1500, 2000, 2500, 3000]

await runBench(async () => {
  const { json, numbers, texts } = readBenchOptions({ rounds: 9, strips: 3, soak: 400 }, ['only', 'publish'])
  const { rounds, strips: turns, soak } = numbers
  const chosen = chooseSections(texts.only)
  if (texts.publish !== undefined && chosen.size < sections.length) {
    throw new PelletlineError('invalid_argument', '--publish goes with all sections; leave --only out.')
  }
  const strips = scenes.map((scene) => simulateStrip({ ...scene, rows }))
  const settings = settingsFor(strips.at(-1)!)
  const say = (what: string) => process.stderr.write(`${what} ...\n`)

  // First of all: what other sections leave to be collected would hide what grows.
  let memory: SegmentationReport['memory']
  if (chosen.has('memory')) {
    say(`memory over ${soak} strips`)
    memory = soakKernel(strips, settings, soak)
  }
  const python = chosen.has('throughput') ? await installOpencv() : undefined
  let opencv: SegmentationReport['opencv']
  let throughput: SegmentationReport['throughput']
  if (python !== undefined) {
    say('speed')
    let chains: OpencvProcess | undefined
    if ('python' in python) {
      const { threshold, minAreaPx } = settings
      chains = await openOpencv(python.python, { strips, threshold, minAreaPx, coreRadiusPx: 10 })
    }
    opencv = 'reason' in python ? { missing: python.reason } : { version: chains!.version }
    try {
      throughput = await measureThroughput({ strips, settings, opencv: chains, rounds, turns })
    } finally {
      await chains?.close()
    }
  }
  const report: SegmentationReport = {
    bench: 'segmentation',
    machine: describeMachine(),
    rounds,
    opencv,
    settings,
    strips: strips.map(({ name, truth, clusters, touching }) => ({
      name,
      width: stripWidth,
      rows,
      pellets: truth.length,
      clusters,
      touching,
    })),
    throughput,
    goals: throughput && judgeGoals(throughput),
    heights: chosen.has('scaling') ? await overHeights() : undefined,
    densities: chosen.has('scaling') ? await overDensities() : undefined,
    cameras: chosen.has('cameras') ? await overCameras() : undefined,
    overload: chosen.has('overload') ? overload() : undefined,
    memory,
    geometry: chosen.has('geometry') ? measureGeometry(strips, settings) : undefined,
  }
  printSegmentation(report, json)
  if (opencv !== undefined && 'missing' in opencv) {
    throw new PelletlineError('unavailable', `Not compared with OpenCV: ${opencv.missing}. Mend that and run again.`)
  }
  if (texts.publish !== undefined) {
    const command = `npm run bench -- segmentation ${process.argv.slice(2).join(' ')}`
    await publishResults(report, texts.publish, command)
  }

  async function overHeights() {
    const figures = []
    for (const scene of scenes) {
      say(`height of the strips, ${scene.name}`)
      figures.push(...(await measureHeights(simulateStrip({ ...scene, rows: 4 * rows }), settings, rounds)))
    }
    return figures
  }

  function overDensities() {
    say('pellets per strip')
    const belt = { clusterShare: 0.42, seed: 3, medianDiameterPx: 32, rows }
    const mpx = (stripWidth * rows) / 1e6
    const some = densities.map((count) =>
      simulateStrip({ ...belt, name: `${count} pellets`, pelletsPerMpx: count / mpx }),
    )
    return measureDensities(some, settingsFor(some.at(-1)!), rounds, turns)
  }

  async function overCameras() {
    const figures = []
    for (const strip of strips) {
      say(`cameras, ${strip.name}`)
      figures.push(...(await measureCameras(strip, settings, rounds, 4 * turns)))
    }
    return figures
  }

  function overload() {
    say('overload')
    return measureOverload(strips.at(-1)!, drawHardStrips(rows), settings, Math.min(rounds, 9))
  }
}, help)

function chooseSections(only: string | undefined): ReadonlySet<Section> {
  if (only === undefined) return new Set(sections)
  const names = only.split(',')
  const unknown = names.find((name) => !sections.some((section) => section === name))
  if (unknown === undefined) return new Set(names as Section[])
  throw new PelletlineError('invalid_argument', `--only names "${unknown}"; valid are ${sections.join(', ')}.`)
}
