import type { ClassifierMetrics, EscapeMetrics } from '../../shared/onnx/model-manifest.ts'
import { clopperPearson } from '../../shared/statistics/clopper-pearson.ts'
import { confusionRates, countConfusion } from '../../shared/statistics/confusion.ts'
import { rocAuc } from '../../shared/statistics/roc-auc.ts'

export interface MeasureOptions {
  /** Margin zNG - zOK from which a pellet is NG. */
  readonly threshold: number
  /** Speck diameter, px of the crop, from which a miss counts as an escape. */
  readonly smallestSpeckPx: number
}

/** What is known of the crops that were judged. */
export interface JudgedCrops {
  /** zNG - zOK per crop. */
  readonly margins: Float32Array
  /** 0 = OK, 1 = NG. */
  readonly labels: Uint8Array
  /** Diameter of the largest speck by truth, px; 0: none; NaN: not known. */
  readonly speckPx: Float32Array
}

/** zNG - zOK of logits [count, 2]. */
export function marginsOf(logits: Float32Array): Float32Array {
  return Float32Array.from({ length: logits.length / 2 }, (_, i) => logits[2 * i + 1]! - logits[2 * i]!)
}

/**
 * All figures of a classifier at a threshold: confusion, precision, recall, accuracy and AUC with 95 % intervals; overkill
 * in ppm of the good crops; and, where speck sizes are known, the escape rate of the NG crops from the smallest detectable
 * speck on and by size. Rates that are near zero carry exact (Clopper-Pearson) intervals.
 */
export function measureClassifier(crops: JudgedCrops, options: MeasureOptions): ClassifierMetrics {
  const confusion = countConfusion(crops.margins, crops.labels, options.threshold)
  const good = confusion.okAsOk + confusion.okAsNg
  const overkill = clopperPearson(confusion.okAsNg, good)
  const ppm = (share: number | null) => (share === null ? null : share * 1e6)
  const missed = measureEscape(crops, options)
  return {
    count: crops.labels.length,
    threshold: options.threshold,
    confusion,
    ...confusionRates(confusion),
    auc: rocAuc(crops.margins, crops.labels),
    overkill: {
      goodCrops: good,
      calledNg: confusion.okAsNg,
      ppm: ppm(overkill.value),
      lowPpm: ppm(overkill.low),
      highPpm: ppm(overkill.high),
    },
    ...(missed === undefined ? {} : { escape: missed }),
  }
}

/** Upper edges of the size classes grow by this factor. */
const binGrowth = Math.SQRT2

function measureEscape(
  { margins, labels, speckPx }: JudgedCrops,
  { threshold, smallestSpeckPx }: MeasureOptions,
): EscapeMetrics | undefined {
  // A crop may have a speck and be OK: one too faint to count, however large, is no escape.
  const specked = Array.from(speckPx, (_, i) => i).filter((i) => labels[i] === 1 && speckPx[i]! > 0)
  if (specked.length === 0) return undefined
  const rate = (members: readonly number[]) => {
    const missed = members.filter((i) => margins[i]! < threshold).length
    const { value, low, high } = clopperPearson(missed, members.length)
    return { count: members.length, missed, rate: value, low, high }
  }
  // Classes are laid out from the smallest detectable speck, so that none straddles it.
  const binOf = (i: number) => Math.floor(Math.log(speckPx[i]! / smallestSpeckPx) / Math.log(binGrowth) + 1e-9)
  const bins = new Map<number, number[]>()
  for (const i of specked) {
    const members = bins.get(binOf(i))
    if (members === undefined) bins.set(binOf(i), [i])
    else members.push(i)
  }
  return {
    smallestSpeckPx,
    ...rate(specked.filter((i) => speckPx[i]! >= smallestSpeckPx)),
    bySize: [...bins]
      .sort(([a], [b]) => a - b)
      .map(([bin, members]) => ({
        fromPx: smallestSpeckPx * binGrowth ** bin,
        toPx: smallestSpeckPx * binGrowth ** (bin + 1),
        ...rate(members),
      })),
  }
}
