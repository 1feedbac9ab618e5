import { basename } from 'node:path'
import type { CropDataset } from '../../../shared/dataset/crop-dataset.ts'
import { classNames } from '../../../shared/dataset/crop-dataset.ts'
import { createExplainer, type Heatmap, listHeatmapLayers, scaleHeatmap } from '../../../shared/heatmap/index.ts'
import { cropBytes } from '../../../shared/inspection/crop.ts'
import type { GraphWorker } from '../../../shared/onnx/graph-worker.ts'
import { decodeModel } from '../../../shared/onnx/onnx-proto.ts'
import type { HeatmapFigure } from '../experiment-report.ts'
import { probabilityOf } from './combine-teachers.ts'
import { pixelsOf } from './find-worst.ts'

/** A model whose heatmaps are shown. */
export interface ExplainedModel {
  readonly id: string
  readonly path: string
  readonly bytes: Uint8Array
}

const target = 'NG'

/** Margin zNG - zOK from which the slope of the softmax score is no normal number of float32. */
const saturationMargin = 87

/**
 * Grad-CAM of what speaks for NG in test crops by several convolutions of models of one architecture: half of the crops OK, half NG, evenly
 * spaced over their class so that none is picked for its looks. The layers are the last convolution of every map size
 * that all the models have. Undefined where they share none.
 */
export async function explainCrops(
  worker: GraphWorker,
  models: readonly ExplainedModel[],
  crops: CropDataset,
  count: number,
  signal?: AbortSignal,
): Promise<HeatmapFigure | undefined> {
  const layers = sharedLayers(models)
  const picked = pickCrops(crops.labels, count)
  if (layers.length === 0 || picked.length === 0) return undefined
  const views = new Map<string, ReadonlyArray<Omit<HeatmapFigure['crops'][number]['views'][number], 'model'>>>()
  for (const { id, path, bytes } of models) {
    const explainer = await createExplainer(worker, bytes, { layers, target, source: basename(path) })
    try {
      const pixels = picked.map((index) => crops.pixels.slice(index * cropBytes, (index + 1) * cropBytes))
      const { logits, heatmaps } = await explainer.explain(pixels, signal)
      views.set(
        id,
        picked.map((_, i) => {
          const margin = logits[2 * i + 1]! - logits[2 * i]!
          return {
            probability: probabilityOf(margin),
            ...(Math.abs(margin) > saturationMargin && { saturated: true as const }),
            heat: layers.map((layer) => encodeHeat(heatmaps.get(layer)![i]!)),
          }
        }),
      )
    } finally {
      await explainer.release()
    }
  }
  return {
    target,
    layers,
    crops: picked.map((index, i) => ({
      index,
      label: classNames[crops.labels[index]!]!,
      pixels: pixelsOf(crops, index),
      views: models.map(({ id }) => ({ model: id, ...views.get(id)![i]! })),
    })),
  }
}

function sharedLayers(models: readonly ExplainedModel[]): readonly string[] {
  const lists = models.map(({ path, bytes }) =>
    listHeatmapLayers(decodeModel(bytes, path)).filter(({ convolution }) => convolution),
  )
  const [first = [], ...others] = lists
  const shared = first.filter(({ name }) => others.every((list) => list.some((layer) => layer.name === name)))
  return shared.filter(({ width }, i) => shared[i + 1]?.width !== width).map(({ name }) => name)
}

/** Indices of `count` crops, the OK ones first, evenly spaced over their class; fewer where a class has fewer. */
export function pickCrops(labels: Uint8Array, count: number): readonly number[] {
  return [0, 1].flatMap((label) => {
    const own = Array.from(labels, (_, i) => i).filter((i) => labels[i] === label)
    const wanted = Math.min(Math.floor(count / 2), own.length)
    return Array.from({ length: wanted }, (_, k) => own[Math.floor(((k + 0.5) * own.length) / wanted)]!)
  })
}

/** 50x50 bytes, 255 at the map's own peak; base64. */
export function encodeHeat(heatmap: Heatmap): string {
  const { values } = scaleHeatmap(heatmap)
  const peak = values.reduce((high, value) => Math.max(high, value), 0)
  return Buffer.from(Uint8Array.from(values, (value) => (peak > 0 ? Math.round((255 * value) / peak) : 0))).toString(
    'base64',
  )
}
