// Measures and black specks against the simulator's truth, through its optics: bias and standard deviation of sizes, recall of
// specks by size, false specks in clean pellets.
import process from 'node:process'
import { renderTable } from '../services/cli/render-table.ts'
import { createLineRenderer, pelletTruth, resolveLineSettings } from '../services/line-simulator/index.ts'
import { createWasmSegmenter } from '../services/roi-segmentation/kernel/create-wasm-segmenter.ts'
import type { SegmentationSettings } from '../services/roi-segmentation/kernel/types.ts'
import { defaultMinSpeckContrast } from '../services/shared/inspection/speck-contrast.ts'
import { clopperPearson } from '../services/shared/statistics/clopper-pearson.ts'
import { addToHistogram, createGrayHistogram, estimateLight } from '../services/shared/vision/index.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { describeErrors } from './support/segmentation/measure-geometry.ts'
import { addScores, createScores, type Scores, type SpeckScore } from './support/specks/score-specks.ts'
import { spanOutline } from './support/specks/span-outline.ts'

const rows = 1024
/** Specks are measured from here on; what is reported on a line begins higher, but the fall of recall shows only so. */
const smallestSpeckPx = 2
const sizes = [1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 7, 10, 14]
const falseSizes = [2, 2.5, 3, 4]

await runBench(async () => {
  const { json, numbers, texts } = readBenchOptions({ strips: 40, 'clean-strips': 120, seed: 77 }, ['threshold'])
  const threshold = texts.threshold === undefined ? undefined : Number(texts.threshold)
  const specked = scoreLine(numbers.strips, numbers.seed, 0.3, threshold)
  const clean = scoreLine(numbers['clean-strips'], numbers.seed + 1, 0, threshold)
  const report = {
    bench: 'specks',
    smallestSpeckPx,
    threshold: clean.threshold,
    measures: describeMeasures(clean),
    recall: (['inside', 'rim'] as const).flatMap((place) => describeRecall(specked.specks, place)),
    falseSpecks: falseSizes.map((size) => {
      const hits = clean.clean.filter((diameter) => diameter >= size).length
      return {
        fromPx: size,
        pellets: clean.clean.length,
        withSpeck: hits,
        share: clopperPearson(hits, clean.clean.length),
      }
    }),
  }
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : describe(report))
})

interface LineScores extends Scores {
  /** Gray level above which a pixel was taken for pellet. */
  readonly threshold: number
}

/** Renders and segments one line; one speck a pellet, so that a truth and a measurement belong together without doubt. */
function scoreLine(strips: number, seed: number, prevalence: number, threshold: number | undefined): LineScores {
  const line = resolveLineSettings({
    pelletsPerMpx: 150,
    specks: { prevalence, subSizeShare: prevalence > 0 ? 0.5 : 0, severalShare: 0, smallestSpeckPx: 2 },
  })
  const { width } = line
  const renderer = createLineRenderer({ settings: line, seed })
  const scores = createScores()
  const pixels = new Uint8Array(width * rows)
  let light: Pick<SegmentationSettings, 'threshold' | 'bedLevel'> | undefined
  for (let strip = 0; strip < strips; strip++) {
    renderer.render(strip * rows, rows, pixels)
    light ??= { ...lightOf(pixels), ...(threshold !== undefined && { threshold }) }
    // Each strip is a run of its own: what its borders cut is not judged, and all else lies wholly in its truth.
    const segmenter = createWasmSegmenter({ width })
    const { pellets } = segmenter.push(
      { pixels, width, rows, firstRow: strip * rows, rowsLostBefore: 0 },
      {
        ...light,
        medianAreaPx: (Math.PI / 4) * line.product.medianDiameterPx ** 2,
        minAreaPx: 60,
        cropScale: 1,
        maxPelletRows: 512,
        maxPelletsPerStrip: 4096,
        smallestSpeckPx,
      },
    )
    const known = renderer.pelletsEndingIn(strip * rows, rows).map((pellet) => ({
      truth: pelletTruth(pellet),
      span: spanOutline(pellet.look.outline),
      tailed: pellet.look.tail !== undefined,
    }))
    addScores(scores, known, pellets)
  }
  return { ...scores, threshold: light?.threshold ?? 0 }
}

function lightOf(pixels: Uint8Array): Pick<SegmentationSettings, 'threshold' | 'bedLevel'> {
  const histogram = createGrayHistogram()
  addToHistogram(histogram, pixels)
  const { threshold, bedLevel } = estimateLight(histogram, { polarity: 'light-on-dark' })
  return { threshold, bedLevel }
}

function describeMeasures({ errors }: Scores) {
  const names = ['areaPx', 'equivalentDiameterPx', 'feretLengthPx', 'feretWidthPx'] as const
  return names.map((name) => ({
    name,
    pellets: errors.length,
    ...describeErrors(errors.map((error) => error[name])),
  }))
}

/** Specks that count as black (contrast by truth of 0.35 and more), by size. */
function describeRecall(specks: readonly SpeckScore[], place: 'inside' | 'rim') {
  return sizes.slice(0, -1).flatMap((from, i) => {
    const to = sizes[i + 1]!
    const own = specks.filter(
      ({ truth }) =>
        truth.place === place && truth.contrast >= 0.35 && truth.diameterPx >= from && truth.diameterPx < to,
    )
    if (own.length === 0) return []
    const found = own.filter(({ measured }) => measured !== undefined)
    return {
      place,
      from,
      to,
      specks: own.length,
      recall: clopperPearson(found.length, own.length),
      diameter: describeErrors(found.map(({ truth, measured }) => measured!.equivalentDiameterPx - truth.diameterPx)),
      contrast: describeErrors(found.map(({ truth, measured }) => measured!.contrast - truth.contrast)),
    }
  })
}

interface Report {
  readonly threshold: number
  readonly measures: ReturnType<typeof describeMeasures>
  readonly recall: ReturnType<typeof describeRecall>
  readonly falseSpecks: readonly {
    readonly fromPx: number
    readonly pellets: number
    readonly withSpeck: number
    readonly share: ReturnType<typeof clopperPearson>
  }[]
}

function describe({ threshold, measures, recall, falseSpecks }: Report): string {
  const table = (titles: readonly string[], cells: readonly (readonly string[])[]) =>
    renderTable(
      titles.map((title, at) => ({ title, align: at === 0 ? 'left' : 'right' })),
      cells,
    )
  const fixed = (value: number) => (Number.isFinite(value) ? value.toFixed(2) : '-')
  const percent = (value: number | null) => (value === null ? '-' : `${(100 * value).toFixed(1)} %`)
  const perMillion = (value: number | null) => (value === null ? '-' : Math.round(value * 1e6).toLocaleString('en-US'))
  return [
    'specks: measures and black specks of the WebAssembly kernel on a simulated line, measured less true. Pellets of a median',
    `diameter of 36 px, blur of 0.7 px, noise; specks from ${smallestSpeckPx} px on are measured, contrast from ${defaultMinSpeckContrast}. Threshold ${threshold}.`,
    '',
    ...table(
      ['Measure (pellets that lie alone)', 'Pellets', 'Bias', 'Std. deviation'],
      measures.map(({ name, pellets, bias, deviation }) => [
        name,
        pellets.toLocaleString('en-US'),
        fixed(bias),
        fixed(deviation),
      ]),
    ),
    '',
    ...table(
      ['Specks by truth', 'Specks', 'Recall', '95 % interval', 'Diameter bias, px', 'Std. deviation', 'Contrast bias'],
      recall.map((bin) => [
        `${bin.place}, ${bin.from} to ${bin.to} px`,
        bin.specks.toLocaleString('en-US'),
        percent(bin.recall.value),
        `${percent(bin.recall.low)} .. ${percent(bin.recall.high)}`,
        fixed(bin.diameter.bias),
        fixed(bin.diameter.deviation),
        fixed(bin.contrast.bias),
      ]),
    ),
    '',
    ...table(
      ['False specks', 'Clean pellets', 'With a speck', 'Per 10^6', '95 % interval'],
      falseSpecks.map(({ fromPx, pellets, withSpeck, share }) => [
        `from ${fromPx} px`,
        pellets.toLocaleString('en-US'),
        withSpeck.toLocaleString('en-US'),
        perMillion(share.value),
        `${perMillion(share.low)} .. ${perMillion(share.high)}`,
      ]),
    ),
    '',
  ].join('\n')
}
