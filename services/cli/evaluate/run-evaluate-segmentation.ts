import { evaluateSegmentation, type ImageEvaluation } from '../../roi-segmentation/index.ts'
import { wilsonInterval } from '../../shared/statistics/wilson-interval.ts'
import type { EvaluateSegmentationCliOptions } from '../commands/evaluate.ts'
import { formatCount, formatDuration, formatInterval } from '../format-number.ts'
import type { Column } from '../render-table.ts'
import type { Terminal } from '../terminal.ts'

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
    segmentation: { roi: options.roi, method: options.method },
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

function evaluationJson(evaluation: ImageEvaluation, minIou: number): object {
  const { matched, annotated, found } = evaluation
  const interval = (trials: number) => {
    const { low, high } = wilsonInterval(matched, trials)
    return { lower: low, upper: high, confidence: 0.95 }
  }
  return { ...evaluation, recallInterval: interval(annotated), precisionInterval: interval(found), minIou }
}

function evaluationRow(evaluation: ImageEvaluation): readonly string[] {
  const { matched, annotated, found } = evaluation
  const share = (value: number) => value.toFixed(3)
  return [
    evaluation.image,
    formatCount(evaluation.annotated),
    formatCount(evaluation.found),
    formatCount(evaluation.matched),
    formatInterval(wilsonInterval(matched, annotated), share),
    formatInterval(wilsonInterval(matched, found), share),
    share(evaluation.meanIou),
    formatCount(evaluation.countError),
    formatDuration(evaluation.msPerMegapixel),
  ]
}
