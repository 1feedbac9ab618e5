// Images per second of every released network: the student against its teachers, integers against float32.
import { networkNames, teacherNames } from '../services/distillation/networks/create-network.ts'
import { cropBytes, cropSide } from '../services/shared/inspection/crop.ts'
import { fillWarmUpCrops } from '../services/shared/onnx/check-model.ts'
import { createGraphWorker, type GraphWorker } from '../services/shared/onnx/graph-worker.ts'
import { precisionOf } from '../services/shared/onnx/model-manifest.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { findNetworks } from './support/find-networks.ts'
import { interleave, type RoundTimes, ratesOf, ratioOf, spreadOf } from './support/measure.ts'
import { printReport, type Ratio } from './support/print-report.ts'

const batches = [1, 8, 64] as const
const integers = 'student int8'
const kinds = [...networkNames, integers] as const
const warmUp = { count: Math.max(...batches), pixels: new Uint8Array(Math.max(...batches) * cropBytes) }
fillWarmUpCrops(warmUp.pixels)

await runBench(async () => {
  const { json, modelsDir, numbers } = readBenchOptions({ rounds: 9, crops: 64, threads: 1 })
  const { rounds, crops, threads } = numbers
  const networks = await findNetworks(modelsDir, teacherNames)
  const worker = createGraphWorker({ threads })
  for (const { kind, bytes } of networks) await worker.load(kind, bytes)
  const sources = Object.fromEntries(
    networks.map(({ kind, path, manifest }) => [kind, `${path} (${precisionOf(manifest)})`]),
  )
  const contestants = batches.flatMap((batch) =>
    kinds.map((kind) => ({ name: nameOf(kind, batch), run: () => judge(worker, kind, crops, batch) })),
  )
  const times = await interleave(contestants, rounds)
  await worker.close()
  const amount = (batch: number) => Math.ceil(crops / batch) * batch
  printReport(
    {
      bench: 'models',
      about:
        'crops judged per second by the networks alone, one after the other in the same rounds; all compute in float32, whatever ' +
        'their weights are stored as, but the one that says int8. Goals: the student takes at most 1/5 of the mean time of its ' +
        'teachers, int8 is at least 2.5 times as fast.',
      rounds,
      figures: contestants.map(({ name }, i) => ({
        what: name,
        unit: 'crops/s',
        spread: spreadOf(ratesOf(times.get(name)!, amount(batches[Math.floor(i / kinds.length)]!))),
      })),
      ratios: batches.flatMap((batch) => ratiosOf(times, batch)),
      facts: { ...sources, 'crops of a round': crops, threads },
    },
    json,
  )
})

function nameOf(kind: string, batch: number): string {
  return `${kind}, batch ${batch}`
}

/** Judges at least `crops` crops; the next run always waits, so that no thread idles between two. */
async function judge(worker: GraphWorker, model: string, crops: number, batch: number): Promise<void> {
  const runs = Array.from({ length: Math.ceil(crops / batch) }, () => {
    const data = warmUp.pixels.slice(0, batch * cropBytes)
    const feeds = { pellet: { type: 'uint8' as const, dims: [batch, 1, cropSide, cropSide], data } }
    return worker.run({ model, feeds, keep: {}, fetch: ['logits'] })
  })
  await Promise.all(runs)
}

function ratiosOf(times: RoundTimes, batch: number): Ratio[] {
  const timesOf = (kind: string) => times.get(nameOf(kind, batch))!
  const teachers = teacherNames.map(timesOf)
  const mean = teachers[0]!.map((_, round) => teachers.reduce((sum, own) => sum + own[round]! / teachers.length, 0))
  const against = (what: string, a: readonly number[], reference: string, b: readonly number[]): Ratio => ({
    what: `${what}, batch ${batch}`,
    against: reference,
    spread: ratioOf(a, b),
  })
  return [
    against('time of the student', timesOf('student'), "teachers' mean", mean),
    against('time of the student in int8', timesOf(integers), "teachers' mean", mean),
    against('speed of the student in int8', timesOf('student'), 'float32', timesOf(integers)),
  ]
}
