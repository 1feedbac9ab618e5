// Escapes and overkill end to end: belt, light, segmentation, crop and student together, pellet by pellet against the truth.
// What segmentation does to a pellet (a cut through a speck, a speck left out of the outline) counts here, as it does not
// where ready-made crops are judged.
import process from 'node:process'
import { defaultRecipe } from '../services/analytics/index.ts'
import { renderTable } from '../services/cli/render-table.ts'
import {
  createLineRenderer,
  type PelletTruth,
  pelletTruth,
  resolveLineSettings,
} from '../services/line-simulator/index.ts'
import { createSegmenter } from '../services/roi-segmentation/index.ts'
import { cropBytes } from '../services/shared/inspection/crop.ts'
import { createInferencePool } from '../services/shared/onnx/inference-pool.ts'
import { clopperPearson } from '../services/shared/statistics/clopper-pearson.ts'
import { addToHistogram, createGrayHistogram, estimateLight } from '../services/shared/vision/index.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { findStudent } from './support/find-student.ts'

const rows = 1024
/** A found piece belongs to a pellet where their middles are closer than this, px. */
const reach = 16

interface FoundPiece {
  readonly x: number
  readonly y: number
  /** zNG - zOK; undefined where the piece has no crop. */
  readonly margin: number | undefined
}

type Fate = 'NG' | 'OK' | 'not judged' | 'not found'

await runBench(async () => {
  const { json, modelsDir, numbers } = readBenchOptions({ strips: 200, 'ng-per-mille': 100, seed: 4242 })
  const student = await findStudent(modelsDir)
  const { threshold } = student.manifest
  const settings = resolveLineSettings({ specks: { prevalence: numbers['ng-per-mille'] / 1000 } })
  const { width } = settings
  const renderer = createLineRenderer({ settings, seed: numbers.seed })
  const segmenter = createSegmenter({ width })
  const pool = await createInferencePool({ modelPath: student.modelPath, workers: 2, threadsPerWorker: 1 })
  const fates: { readonly pellet: PelletTruth; readonly fate: Fate }[] = []
  let light: number | undefined
  let pieces: FoundPiece[] = []
  let pellets: PelletTruth[] = []
  try {
    for (let strip = 0; strip < numbers.strips; strip++) {
      const pixels = new Uint8Array(width * rows)
      renderer.render(strip * rows, rows, pixels)
      light ??= thresholdOf(pixels)
      const taken = { pixels, width, rows, firstRow: strip * rows, rowsLostBefore: 0 }
      const { minAreaPx, nominalAreaPx, cropScale } = defaultRecipe
      const limits = { maxPelletRows: 512, maxPelletsPerStrip: 4096 }
      const found = segmenter.push(taken, {
        threshold: light,
        medianAreaPx: nominalAreaPx,
        minAreaPx,
        cropScale,
        ...limits,
      })
      pieces.push(...(await judge(found.pellets)))
      pellets.push(...renderer.pelletsEndingIn(strip * rows, rows).map((pellet) => pelletTruth(pellet)))
      // A pellet may be found one strip later than it ends, so what ended in the last rows waits for the next strip.
      const settled = (strip + 1) * rows - 64
      for (const pellet of pellets.filter(({ y }) => y < settled)) {
        const inside = pellet.y > 64 && pellet.x > 64 && pellet.x < width - 64
        if (inside) fates.push({ pellet, fate: fateOf(pellet, pieces, threshold) })
      }
      pellets = pellets.filter(({ y }) => y >= settled)
      pieces = pieces.filter(({ y }) => y > settled - 128)
    }
  } finally {
    await pool.close()
  }
  print(fates, json, student.manifest.id)

  async function judge(found: ReturnType<typeof segmenter.push>['pellets']): Promise<FoundPiece[]> {
    const judged = Array.from({ length: found.count }, (_, i) => i).filter((i) => found.notJudged[i] === 0)
    const crops = new Uint8Array(judged.length * cropBytes)
    for (const [k, i] of judged.entries()) {
      crops.set(found.crops.subarray(i * cropBytes, (i + 1) * cropBytes), k * cropBytes)
    }
    const logits = await pool.run(crops, judged.length, new AbortController().signal)
    const margins = new Map(judged.map((i, k) => [i, logits[2 * k + 1]! - logits[2 * k]!]))
    return Array.from({ length: found.count }, (_, i) => ({
      x: found.x[i]! + found.width[i]! / 2,
      y: found.y[i]! + found.height[i]! / 2,
      margin: margins.get(i),
    }))
  }
})

function thresholdOf(pixels: Uint8Array): number {
  const histogram = createGrayHistogram()
  addToHistogram(histogram, pixels)
  return estimateLight(histogram, { polarity: 'light-on-dark' }).threshold
}

/** A pellet is NG where any piece found of it is. */
function fateOf(pellet: PelletTruth, pieces: readonly FoundPiece[], threshold: number): Fate {
  const own = pieces.filter(({ x, y }) => Math.hypot(x - pellet.x, y - pellet.y) < reach)
  if (own.length === 0) return 'not found'
  const judged = own.filter(({ margin }) => margin !== undefined)
  if (judged.length === 0) return 'not judged'
  return judged.some(({ margin }) => margin! >= threshold) ? 'NG' : 'OK'
}

function print(
  fates: readonly { readonly pellet: PelletTruth; readonly fate: Fate }[],
  json: boolean,
  model: string,
): void {
  const rowsOfTable = (['NG', 'subSize', 'OK'] as const).map((kind) => {
    const own = fates.filter(({ pellet }) => pellet.class === kind && pellet.kind !== 'fine')
    const count = (fate: Fate) => own.filter((entry) => entry.fate === fate).length
    const wrong = kind === 'NG' ? own.length - count('NG') : count('NG')
    return {
      kind,
      pellets: own.length,
      ng: count('NG'),
      ok: count('OK'),
      unjudged: count('not judged'),
      lost: count('not found'),
      wrong,
      share: clopperPearson(wrong, own.length),
    }
  })
  if (json) {
    process.stdout.write(`${JSON.stringify({ bench: 'escapes', model, classes: rowsOfTable })}\n`)
    return
  }
  const percent = (value: number | null) => (value === null ? '-' : `${(100 * value).toFixed(3)} %`)
  const titles = ['By truth', 'Pellets', 'Judged NG', 'Judged OK', 'Not judged', 'Not found', 'Wrong', '95 % interval']
  const lines = renderTable(
    titles.map((title, at) => ({ title, align: at === 0 ? 'left' : 'right' })),
    rowsOfTable.map(({ kind, pellets, ng, ok, unjudged, lost, share }) => [
      kind === 'subSize' ? 'specks too small' : kind,
      ...[pellets, ng, ok, unjudged, lost].map((value) => value.toLocaleString('en-US')),
      kind === 'subSize' ? '' : percent(share.value),
      kind === 'subSize' ? '' : `${percent(share.low)} .. ${percent(share.high)}`,
    ]),
  )
  process.stdout.write(
    `escapes: ${model} on a simulated line, from the belt to the verdict. Wrong: NG not judged NG (escapes), OK judged NG\n(overkill). Pellets at the edges and fragments are left out.\n\n${lines.join('\n')}\n`,
  )
}
