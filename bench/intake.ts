// One camera at full speed over gRPC through gateway and segmentation: two processes over TCP, two over a Unix socket, one.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { startRpcServer } from '../services/shared/rpc/start-rpc-server.ts'
import { silentLogger } from '../services/shared/telemetry/logger.ts'
import { startIntake } from '../test/support/intake-processes.ts'
import { createTestRegistry, testRecipe } from '../test/support/line-registry.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { publishIntake } from './support/intake/publish-intake.ts'
import { type IntakeRun, sendFrames } from './support/intake/send-frames.ts'
import { spreadOf } from './support/measure.ts'
import { type Figure, printReport, type Ratio, type Report } from './support/print-report.ts'
import { simulateStrip, stripWidth } from './support/segmentation/simulate-strip.ts'

const stripRows = 1024
/** About 570 pellets in a strip, and about 2,000 of which a third touch. */
const scenes = [
  { name: 'sparse', rows: stripRows, pelletsPerMpx: 68, clusterShare: 0.05, seed: 3 },
  { name: 'dense', rows: stripRows, pelletsPerMpx: 250, clusterShare: 0.3, seed: 4 },
]
const ways = [
  { name: 'two processes, TCP', intake: 'apart', wire: 'tcp' },
  { name: 'two processes, Unix socket', intake: 'apart', wire: 'unix' },
  { name: 'one process', intake: 'together', wire: 'unix' },
] as const
const giga = 1e9

await runBench(async () => {
  const { json, numbers, texts } = readBenchOptions({ rounds: 5, strips: 60 }, ['publish'])
  const { rounds, strips } = numbers
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-bench-intake-'))
  const registry = createTestRegistry()
  registry.assign('lot-1', { ...testRecipe, nominalAreaPx: 900 })
  const server = await startRpcServer({ implementations: [registry.implementation], logger: silentLogger })
  server.setServing('', true)
  const figures: Figure[] = []
  const ratios: Ratio[] = []
  const facts: Record<string, number> = {}
  try {
    for (const described of scenes) {
      const { name: scene } = described
      const { pixels, truth } = simulateStrip(described)
      facts[`${scene} scene: pellets of a strip`] = truth.length
      const gigabytes = (pixels.length * strips) / giga
      const runs = new Map<string, IntakeRun[]>(ways.map(({ name }) => [name, []]))
      for (let round = 0; round < rounds; round++) {
        for (const { name, intake, wire } of round % 2 === 0 ? ways : ways.toReversed()) {
          const processes = await startIntake({
            folder,
            intake,
            wire,
            registryAddress: server.address,
            bus: { kind: 'memory' },
            segmentation: { workers: 1 },
          })
          try {
            runs.get(name)!.push(await sendFrames(processes, pixels, strips))
          } finally {
            await processes.stop()
          }
          process.stderr.write(`${scene} scene, round ${round + 1} of ${rounds}: ${name}\n`)
        }
      }
      const cpuOf = ({ cpuSeconds }: IntakeRun) => Object.values(cpuSeconds).reduce((sum, value) => sum + value, 0)
      for (const [way, list] of runs) {
        const add = (what: string, unit: string, read: (run: IntakeRun) => number) =>
          figures.push({ what: `${scene} scene, ${way}: ${what}`, unit, spread: spreadOf(list.map(read)) })
        add('camera pixels', 'MB/s', ({ seconds }) => (gigabytes * 1000) / seconds)
        for (const child of Object.keys(list[0]!.cpuSeconds) as (keyof IntakeRun['cpuSeconds'])[]) {
          add(child, 'CPU s/GB', ({ cpuSeconds }) => cpuSeconds[child]! / gigabytes)
        }
        add('all', 'CPU s/GB', (run) => cpuOf(run) / gigabytes)
      }
      const together = runs.get('one process')!
      for (const { name: against } of ways.slice(0, 2)) {
        const apart = runs.get(against)!
        const add = (what: string, of: (one: IntakeRun, two: IntakeRun) => number) =>
          ratios.push({
            what: `${scene} scene, one process: ${what}`,
            against,
            spread: spreadOf(together.map((run, round) => of(run, apart[round]!))),
          })
        add('MB/s', (one, two) => two.seconds / one.seconds)
        add('CPU', (one, two) => cpuOf(one) / cpuOf(two))
      }
    }
  } finally {
    await server.drain(0)
    await rm(folder, { recursive: true, force: true })
  }
  const about =
    `A camera that is never late sends ${strips} strips of ${stripWidth} x ${stripRows} px over gRPC (TCP, loopback) to gateway and ` +
    'segmentation (one worker), started as the plant starts them: in two processes, with sparse strips over TCP or a Unix ' +
    'socket, or in one, with whole strips in its memory. The bus is the in-memory one of the process, which nobody reads.'
  const report: Report = { bench: 'intake', about, rounds, figures, ratios, facts }
  printReport(report, json)
  if (texts.publish === undefined) return
  const command = `npm run bench -- intake --rounds ${rounds} --strips ${strips} --publish ${texts.publish}`
  await publishIntake(report, texts.publish, command)
})
