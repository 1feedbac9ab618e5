// Which layer's heatmap shows where a speck is: simulated pellets with one black speck each, explained by a model at every layer, the
// heatmap's peak beside the speck by truth.
import { availableParallelism } from 'node:os'
import process from 'node:process'
import { renderTable } from '../services/cli/render-table.ts'
import { createLineRenderer, matchTruth, pelletTruth, resolveLineSettings } from '../services/line-simulator/index.ts'
import { createWasmSegmenter } from '../services/roi-segmentation/kernel/create-wasm-segmenter.ts'
import { notJudgedReason } from '../services/roi-segmentation/kernel/types.ts'
import { createExplainer, findPeak, listHeatmapLayers } from '../services/shared/heatmap/index.ts'
import { cropBytes, cropSide } from '../services/shared/inspection/crop.ts'
import { createGraphWorker } from '../services/shared/onnx/graph-worker.ts'
import { loadModel } from '../services/shared/onnx/load-model.ts'
import { decodeModel } from '../services/shared/onnx/onnx-proto.ts'
import { readReleasedModels } from '../services/shared/onnx/released-models.ts'
import { addToHistogram, createGrayHistogram, estimateLight } from '../services/shared/vision/index.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'

const rows = 1024
/** How far from the speck a peak may lie, px: a pixel of a 6 x 6 map stands for 8 px, its middle is up to 6 px off. */
const nearPx = 10

interface SpeckedCrop {
  readonly crop: Uint8Array
  /** The speck's middle, px of the crop. */
  readonly x: number
  readonly y: number
}

await runBench(async () => {
  const { json, modelsDir, numbers, texts } = readBenchOptions({ pellets: 200, seed: 91 }, ['model'])
  const modelPath = texts.model ?? readReleasedModels(modelsDir).student
  const { bytes, manifest } = await loadModel(modelPath)
  const model = manifest.id
  const crops = drawSpeckedCrops(numbers.pellets, numbers.seed)
  const layers = listHeatmapLayers(decodeModel(new Uint8Array(bytes), model))
  const worker = createGraphWorker({ threads: availableParallelism(), spinning: false })
  const explainer = await createExplainer(worker, new Uint8Array(bytes), {
    layers: layers.map(({ name }) => name),
    source: model,
  })
  const { logits, heatmaps } = await explainer.explain(crops.map(({ crop }) => crop))
  await worker.close()
  const isNg = (i: number) => logits[2 * i + 1]! - logits[2 * i]! >= manifest.threshold
  const report = {
    bench: 'heatmaps',
    model,
    pellets: crops.length,
    calledNg: crops.filter((_, i) => isNg(i)).length,
    nearPx,
    layers: layers.map(({ name, width, height }) => {
      const near = crops.filter(({ x, y }, i) => {
        const peak = findPeak(heatmaps.get(name)![i]!)
        return peak.value > 0 && Math.hypot(peak.x - x, peak.y - y) <= nearPx
      })
      return { name, width, height, near: near.length / crops.length }
    }),
  }
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : describe(report))
})

/** Crops of the default line's single pellets, each with one speck that makes it NG. */
function drawSpeckedCrops(count: number, seed: number): SpeckedCrop[] {
  const line = resolveLineSettings({
    pelletsPerMpx: 150,
    specks: { prevalence: 0.3, subSizeShare: 0, severalShare: 0 },
  })
  const { width } = line
  const renderer = createLineRenderer({ settings: line, seed })
  const pixels = new Uint8Array(width * rows)
  const histogram = createGrayHistogram()
  const drawn: SpeckedCrop[] = []
  for (let strip = 0; drawn.length < count; strip++) {
    renderer.render(strip * rows, rows, pixels)
    if (strip === 0) addToHistogram(histogram, pixels)
    const { pellets } = createWasmSegmenter({ width }).push(
      { pixels, width, rows, firstRow: strip * rows, rowsLostBefore: 0 },
      {
        threshold: estimateLight(histogram, { polarity: 'light-on-dark' }).threshold,
        medianAreaPx: (Math.PI / 4) * line.product.medianDiameterPx ** 2,
        minAreaPx: 60,
        cropScale: 1,
        maxPelletRows: 512,
        maxPelletsPerStrip: 4096,
      },
    )
    const known = renderer.pelletsEndingIn(strip * rows, rows).map((pellet) => pelletTruth(pellet))
    const { truthOf } = matchTruth(known, pellets, 0.6)
    for (let i = 0; i < pellets.count; i++) {
      const truth = known[truthOf[i]!]
      const speck = truth?.specks[0]
      if (truth?.class !== 'NG' || speck === undefined || pellets.notJudged[i] !== notJudgedReason.judged) continue
      drawn.push({
        crop: pellets.crops.slice(i * cropBytes, (i + 1) * cropBytes),
        x: cropSide / 2 + speck.x - (pellets.x[i]! + pellets.width[i]! / 2),
        y: cropSide / 2 + speck.y - (pellets.y[i]! + pellets.height[i]! / 2),
      })
    }
  }
  return drawn.slice(0, count)
}

interface Report {
  readonly model: string
  readonly pellets: number
  readonly calledNg: number
  readonly layers: readonly {
    readonly name: string
    readonly width: number
    readonly height: number
    readonly near: number
  }[]
}

function describe({ model, pellets, calledNg, layers }: Report): string {
  const table = renderTable(
    [{ title: 'Layer' }, { title: 'Map, px' }, { title: `Peak within ${nearPx} px`, align: 'right' as const }],
    layers.map(({ name, width, height, near }) => [name, `${width} x ${height}`, `${(100 * near).toFixed(1)} %`]),
  )
  const title = `${model}: ${pellets} simulated pellets with one speck each, ${calledNg} of them called NG`
  return [title, '', ...table, ''].join('\n')
}
