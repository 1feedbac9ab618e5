import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  ExplainedScore,
  type ExplainRequest,
  type ExplainResponseSchema,
  type HeatmapLayerSchema,
  type ListHeatmapLayersResponseSchema,
} from '../gen/pelletline/inference/v1/inference_pb.ts'
import { type ModelRef, Verdict } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { findPeak, type HeatmapLayer } from '../shared/heatmap/index.ts'
import type { CropExplainer } from './explain-crops.ts'

function layerMessage(
  { name, width, height, channels }: HeatmapLayer,
  byDefault: string,
): MessageInitShape<typeof HeatmapLayerSchema> {
  return { name, width, height, channels, isDefault: name === byDefault }
}

/** Answers what the model looks at in crops; an enum that is not given stands for the softmax score of NG. */
export async function answerExplain(
  explainer: CropExplainer,
  model: ModelRef,
  request: ExplainRequest,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof ExplainResponseSchema>> {
  const { crops, layer } = request
  const score = request.score || ExplainedScore.PROBABILITY
  const target = request.target || Verdict.NG
  const answer = await explainer.explain(
    {
      crops,
      layer,
      score: score === ExplainedScore.LOGIT ? 'logit' : 'probability',
      target: target === Verdict.OK ? 'OK' : 'NG',
    },
    signal,
  )
  const { byDefault } = await explainer.layers()
  const { logits, scores, heatmaps } = answer.explanation
  return {
    heatmaps: heatmaps.get(answer.layer.name)!.map((map, i) => ({
      heat: [...map.values],
      peak: findPeak(map).value,
      score: scores[i]!,
      margin: logits[2 * i + 1]! - logits[2 * i]!,
    })),
    layer: layerMessage(answer.layer, byDefault),
    score,
    target,
    model,
    timing: { queuedUs: answer.queuedUs, computedUs: answer.computedUs, batchSize: crops.length },
  }
}

/** Answers which layers of the model can be explained. */
export async function answerListHeatmapLayers(
  explainer: CropExplainer,
  model: ModelRef,
): Promise<MessageInitShape<typeof ListHeatmapLayersResponseSchema>> {
  const { layers, byDefault } = await explainer.layers()
  return { layers: layers.map((layer) => layerMessage(layer, byDefault)), model }
}
