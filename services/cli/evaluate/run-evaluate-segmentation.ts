import { evaluateSegmentation, type ImageEvaluation } from '../../roi-segmentation/coco/evaluate-segmentation.ts'
import type { EvaluateSegmentationCliOptions } from '../commands/evaluate.ts'
import { formatCount, formatDuration, formatEstimate } from '../format-number.ts'
import type { Column } from '../render-table.ts'
import type { Terminal } from '../terminal.ts'
import { wilsonInterval } from './wilson-interval.ts'

const columns: readonly Column[] = [
  { title: 'Image', cut: 'head' },
  { title: 'Annotated', align: 'right' },
  { title: 'Found', align: 'right' },
  { title: 'Matched', align: 'right' },
  { title: 'Recall (95 %)', align: 'right' },
  { title: 'Precision (95 %)', align: 'right' },
  { title: 'Mean IoU', align: 'right' },
  { title: 'Count error', align: 'right' },
  { title: 'Time per Mpx', align: 'right' },
]

/** Evaluates the segmentation and reports every image and the total; JSON: one object per image, the last one `total`. */
export async function runEvaluateSegmentation(
  options: EvaluateSegmentationCliOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { total, images } = await evaluateSegmentation({
    imagesDir: options.images,
    cocoPath: options.coco,
    minIou: options.minIou,
    segmentation: { roi: options.roi },
    signal,
    onImage: (evaluation) => terminal.printJson(evaluationJson(evaluation, options.minIou)),
  })
  terminal.printJson(evaluationJson(total, options.minIou))
  if (!terminal.json) {
    terminal.printTable(columns, [...images, total].map(evaluationRow))
    terminal.print(
      `A pellet is found where its outline and the annotated one have an IoU of at least ${options.minIou}.`,
    )
  }
}

function estimates({ matched, annotated, found, recall, precision }: ImageEvaluation) {
  return {
    recall: { value: recall, ...wilsonInterval(matched, annotated) },
    precision: { value: precision, ...wilsonInterval(matched, found) },
  }
}

function evaluationJson(evaluation: ImageEvaluation, minIou: number): object {
  const { recall, precision } = estimates(evaluation)
  return {
    ...evaluation,
    recallInterval: { lower: recall.lower, upper: recall.upper, confidence: 0.95 },
    precisionInterval: { lower: precision.lower, upper: precision.upper, confidence: 0.95 },
    minIou,
  }
}

function evaluationRow(evaluation: ImageEvaluation): readonly string[] {
  const { recall, precision } = estimates(evaluation)
  const share = (value: number) => value.toFixed(3)
  return [
    evaluation.image,
    formatCount(evaluation.annotated),
    formatCount(evaluation.found),
    formatCount(evaluation.matched),
    formatEstimate(recall, share),
    formatEstimate(precision, share),
    share(evaluation.meanIou),
    formatCount(evaluation.countError),
    formatDuration(evaluation.msPerMegapixel),
  ]
}
