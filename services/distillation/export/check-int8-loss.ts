import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { ClassifierMetrics } from '../../shared/onnx/model-manifest.ts'

/** Percentage points of accuracy that a release in int8 may lose against float32. */
export const defaultMaxInt8Loss = 0.3

/** Figures of a network's test part in both precisions. */
export interface Int8Comparison {
  readonly id: string
  readonly float32: ClassifierMetrics
  readonly int8: ClassifierMetrics
  /** Percentage points; default 0.3. */
  readonly maxLoss?: number | undefined
}

/**
 * Refuses an int8 model that lost more accuracy on the test part than it may: `failed_precondition` with both figures and
 * what to do. One that is better than float32 passes.
 */
export function checkInt8Loss({ id, float32, int8, maxLoss = defaultMaxInt8Loss }: Int8Comparison): void {
  const [before, after] = [float32.accuracy.value, int8.accuracy.value]
  if (before === null || after === null) {
    throw new PelletlineError(
      'failed_precondition',
      `${id} cannot be released as int8: the test part has no crops to compare it with float32 on; add some, or leave int8 out`,
    )
  }
  const loss = 100 * (before - after)
  // Accuracies are quotients of whole numbers: what equals the limit passes whatever its last digit.
  if (loss <= maxLoss + 1e-9) return
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`
  throw new PelletlineError(
    'failed_precondition',
    `${id} is not released as int8: on ${int8.count} test crops it has ${percent(after)} accuracy, float32 has ${percent(before)}; ` +
      `that is ${loss.toFixed(2)} points less, ${maxLoss} are allowed. Leave int8 out, train on, raise maxInt8Loss, or set allowInt8Loss to release it all the same.`,
  )
}
