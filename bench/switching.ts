// What a switch of the model costs while crops are judged: waiting times with and without switches, side by side in one run.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { openDatabase } from '../services/shared/store/index.ts'
import { type FeedResult, feedParts } from '../test/support/feed-parts.ts'
import { type ModelPlant, startModelPlant } from '../test/support/model-plant.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { findStudent } from './support/find-student.ts'
import { quantile, ratioOf, spreadOf } from './support/measure.ts'
import { printReport } from './support/print-report.ts'
import { writeShiftedModel } from './support/shift-model.ts'

/** No margin of the released student is near it. */
const shift = 1000
const by = 'bench'

/** Switches that take turns; resolves with the number of switches once `seconds` are over. */
type Switching = (plant: ModelPlant, seconds: number, everyMs: number) => Promise<number>

async function repeat(seconds: number, everyMs: number, change: () => Promise<unknown>): Promise<number> {
  const end = performance.now() + seconds * 1000
  let switches = 0
  for (let next = performance.now() + everyMs; next < end; next += everyMs) {
    await delay(Math.max(0, next - performance.now()))
    await change()
    switches += 1
  }
  await delay(Math.max(0, end - performance.now()))
  return switches
}

await runBench(async () => {
  const { json, modelsDir, numbers } = readBenchOptions({
    rounds: 4,
    seconds: 10,
    'every-ms': 2000,
    pellets: 192,
    'in-flight': 8,
  })
  const { rounds, seconds, pellets, 'every-ms': everyMs, 'in-flight': inFlight } = numbers
  const found = await findStudent(modelsDir)
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-switching-'))
  const database = await openDatabase({ kind: 'pglite' })
  const { id } = found.manifest
  const other = `${id}-shifted`
  await writeShiftedModel(found.modelPath, folder, other, shift)
  const plant = await startModelPlant({
    modelPath: found.modelPath,
    database,
    student: { workers: 2, models: { folder } },
    // Pellets called NG travel and are stored with their pixels, which is not what is measured here.
    analytics: { defaultRecipe: { ngThreshold: 10 * shift } },
  })
  const { models } = plant
  // The turn goes on from one measurement to the next: a model that judges already is not promoted again.
  let turn = 0
  const nextTurn = () => (turn++ % 2 === 0 ? { promoted: other, before: id } : { promoted: id, before: other })
  const ways: Readonly<Record<string, Switching>> = {
    without: async (_plant, time) => {
      await delay(time * 1000)
      return 0
    },
    switching: (_plant, time, every) => repeat(time, every, () => models.promote({ model: nextTurn().promoted, by })),
    loading: (_plant, time, every) =>
      repeat(time, every, async () => {
        const { promoted, before } = nextTurn()
        await models.promote({ model: promoted, by })
        await models.unloadModel({ model: before, by })
      }),
  }
  const p99 = Object.fromEntries(Object.keys(ways).map((name) => [name, [] as number[]]))
  const p50 = Object.fromEntries(Object.keys(ways).map((name) => [name, [] as number[]]))
  const totals = { parts: 0, lost: 0, mixed: 0, incomplete: 0, switches: 0, loads: 0, errors: 0 }
  let strip = 0n
  const levels = Array.from({ length: pellets }, (_, i) => (i * 37) % 256)

  /** Feeds for some seconds while models are changed in one way, and goes back to the first model in memory alone. */
  async function measure(way: string): Promise<FeedResult> {
    const feed = await feedParts({
      bus: plant.bus,
      levels,
      inFlight,
      lot: 'lot-bench',
      line: 'line-1',
      firstStrip: strip,
      couldBe: (model, _level, margin) => margin > shift / 2 === (model === other),
    })
    try {
      const changes = await ways[way]!(plant, seconds, everyMs)
      totals.switches += changes
      if (way === 'loading') totals.loads += changes
    } catch (reason) {
      totals.errors += 1
      process.stderr.write(`${String(reason)}\n`)
    }
    const result = await feed.stop()
    strip += BigInt(result.parts)
    return result
  }

  try {
    await models.loadModel({ model: other, by })
    for (let round = -1; round < rounds; round++) {
      const order = round % 2 === 0 ? Object.keys(ways) : Object.keys(ways).reverse()
      for (const way of order) {
        // In the other ways both models are in memory throughout.
        if (way !== 'loading')
          await models.loadModel({ model: other, by }).catch(() => models.loadModel({ model: id, by }))
        const { parts, lost, mixed, incomplete, latenciesMs } = await measure(way)
        totals.parts += parts
        totals.lost += lost
        totals.mixed += mixed
        totals.incomplete += incomplete
        if (round < 0) continue
        p99[way]!.push(quantile(latenciesMs, 0.99))
        p50[way]!.push(quantile(latenciesMs, 0.5))
      }
    }
  } finally {
    await plant.stop()
    await database.close()
    await rm(folder, { recursive: true })
  }
  const texts: Readonly<Record<string, string>> = {
    without: 'without a switch',
    switching: `a switch every ${everyMs} ms between two models in memory`,
    loading: `a switch every ${everyMs} ms to a model that is loaded for it`,
  }
  const figures = Object.keys(ways).flatMap((way) => [
    { what: `${texts[way]}: median part judged after`, unit: 'ms', spread: spreadOf(p50[way]!) },
    { what: `${texts[way]}: 99 % of parts judged within`, unit: 'ms', spread: spreadOf(p99[way]!) },
  ])
  const ratio = (way: string) => ({
    what: `99 %, ${texts[way]}`,
    against: texts['without']!,
    spread: ratioOf(p99[way]!, p99['without']!),
  })
  printReport(
    {
      bench: 'switching',
      about:
        `parts of ${pellets} pellets judged by ${id} and a copy of it under full load, ${inFlight} parts in flight, ` +
        `${seconds} s each way and round; the copy's margins are shifted, so that a part judged by two models would show.`,
      rounds,
      figures,
      ratios: [ratio('switching'), ratio('loading')],
      facts: {
        parts: totals.parts,
        switches: totals.switches,
        'of these with a load': totals.loads,
        errors: totals.errors,
        'parts lost': totals.lost,
        'parts judged by two models': totals.mixed,
        'parts with a crop missing': totals.incomplete,
      },
    },
    json,
  )
})
