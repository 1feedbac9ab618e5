/** Largest error of a logit against the largest logit. */
export function largestError(logits: Float32Array, expected: Float32Array): number {
  const scale = expected.reduce((largest, logit) => Math.max(largest, Math.abs(logit)), 0)
  return logits.reduce((largest, logit, i) => Math.max(largest, Math.abs(logit - expected[i]!)), 0) / scale
}
