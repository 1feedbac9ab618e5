/**
 * Margins zNG - zOK of an ensemble that answers with the mean of its members' softmax outputs: log(p / (1 - p)) of the mean
 * probability p of NG, taken on the log scale so that members which are sure stay finite. `members` are logits [count, 2].
 */
export function combineTeachers(members: readonly Float32Array[]): Float32Array {
  const count = (members[0]?.length ?? 0) / 2
  return Float32Array.from({ length: count }, (_, i) => {
    const ok: number[] = []
    const ng: number[] = []
    for (const logits of members) {
      const margin = logits[2 * i + 1]! - logits[2 * i]!
      ok.push(-softplus(margin))
      ng.push(-softplus(-margin))
    }
    return logSum(ng) - logSum(ok)
  })
}

/** Probability of NG by a margin. */
export function probabilityOf(margin: number): number {
  return 1 / (1 + Math.exp(-margin))
}

/** log(1 + e^x) without overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
}

function logSum(values: readonly number[]): number {
  const high = Math.max(...values)
  return high + Math.log(values.reduce((sum, value) => sum + Math.exp(value - high), 0))
}
