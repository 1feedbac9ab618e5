// Strips of pixels from the gateway to segmentation in another process over a Unix socket: whole against blocks.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { createBlockEncoder } from '../services/camera-gateway/block-encoder.ts'
import { SegmentationMethod } from '../services/gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletlineError } from '../services/shared/errors/pelletline-error.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { type Spread, spreadOf } from './support/measure.ts'
import { type Figure, printReport, type Ratio } from './support/print-report.ts'
import { type SimulatedStrip, settingsFor, simulateStrip, stripWidth } from './support/segmentation/simulate-strip.ts'
import { sendThrough, type WireRun } from './support/wire/send-through.ts'

const stripRows = 1024
/** About 570 pellets in a strip, and about 2,000 of which a third touch. */
const scenes = [
  { name: 'sparse', rows: stripRows, pelletsPerMpx: 68, clusterShare: 0.05, seed: 3 },
  { name: 'dense', rows: stripRows, pelletsPerMpx: 250, clusterShare: 0.3, seed: 4 },
]
const ways = ['whole', 'blocks'] as const
const mega = 1e6

await runBench(async () => {
  const { json, numbers } = readBenchOptions({ rounds: 3, strips: 40 })
  const { rounds, strips } = numbers
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-wire-'))
  try {
    const figures: Figure[] = []
    const ratios: Ratio[] = []
    const facts: Record<string, number | string> = {}
    for (const described of scenes) {
      const { name: scene } = described
      const strip = simulateStrip(described)
      const { pixels } = strip
      const sent = bytesOf(strip)
      facts[`${scene}: pellets of a strip`] = strip.truth.length
      facts[`${scene}: bytes of a whole strip`] = pixels.length
      facts[`${scene}: bytes of its bitmap and blocks`] = sent
      const runs = new Map<string, WireRun[]>(ways.map((way) => [way, []]))
      for (let round = 0; round < rounds; round++) {
        for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
          const address = `unix:${join(folder, `${scene}-${way}-${round}.sock`)}`
          runs
            .get(way)!
            .push(
              await withProcess(address, (report) => sendThrough(address, pixels, strips, way === 'blocks', report)),
            )
        }
      }
      const bytes = pixels.length * strips
      const of = (way: string, read: (run: WireRun) => number): number[] => runs.get(way)!.map(read)
      const add = (way: string, what: string, unit: string, spread: Spread) =>
        figures.push({ what: `${scene} scene, ${way}: ${what}`, unit, spread })
      for (const way of ways) {
        add(way, 'pixels', 'MB/s', spreadOf(of(way, ({ ms }) => bytes / mega / (ms / 1000))))
        add(way, 'gateway', 'CPU-s/GB', spreadOf(of(way, ({ gatewayCpuMs }) => gatewayCpuMs / (bytes / mega))))
        add(
          way,
          'segmentation',
          'CPU-s/GB',
          spreadOf(of(way, ({ segmentationCpuMs }) => segmentationCpuMs / (bytes / mega))),
        )
      }
      const ratio = (what: string, read: (run: WireRun) => number) => {
        const whole = of('whole', read)
        ratios.push({
          what: `${scene} scene, blocks: ${what}`,
          against: 'whole',
          spread: spreadOf(of('blocks', read).map((value, i) => value / whole[i]!)),
        })
      }
      ratio('time', ({ ms }) => ms)
      ratio('CPU of both sides', ({ gatewayCpuMs, segmentationCpuMs }) => gatewayCpuMs + segmentationCpuMs)
    }
    const about =
      `Strips of ${stripWidth} x ${stripRows} px through a gateway's intake and segmentation (one worker) in two processes over a ` +
      'Unix socket, crops thrown away; CPU time of each process, segmenting and light included. A GB is one of pixels, sent or not.'
    printReport({ bench: 'wire', about, rounds, figures, ratios, facts }, json)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

/** Bytes of a strip as blocks, as the gateway would send them. */
function bytesOf(strip: SimulatedStrip): number {
  const { pixels } = strip
  const { threshold, bedLevel = 0, medianAreaPx } = settingsFor(strip)
  const encoder = createBlockEncoder()
  encoder.room(pixels.length)!.set(pixels)
  const demand = {
    width: stripWidth,
    rows: stripRows,
    method: SegmentationMethod.REGIONS,
    threshold,
    bedLevel,
    medianAreaPx,
  }
  const sparse = encoder.encode(demand)
  return sparse === undefined ? pixels.length : sparse.bitmap.length + sparse.blocks.length
}

/** Runs with segmentation in a process of its own; `report` gives the CPU time that it has used since the last call, ms. */
async function withProcess<T>(address: string, use: (report: () => Promise<number>) => Promise<T>): Promise<T> {
  const program = join(import.meta.dirname, 'support/wire/segmentation-process.ts')
  const child = spawn(process.execPath, [program, address], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    if (done) throw new PelletlineError('internal', 'The process of segmentation ended early.')
    return value as string
  }
  try {
    await next()
    return await use(async () => {
      child.stdin.write('cpu\n')
      return Number(await next())
    })
  } finally {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
}
