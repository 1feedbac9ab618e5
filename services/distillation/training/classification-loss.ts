export interface ClassificationLoss {
  /** Mean cross entropy. */
  readonly loss: number
  /** Share of crops whose larger logit is the label's. */
  readonly accuracy: number
}

/** Cross entropy and accuracy of logits [count, 2] against labels 0 (OK) and 1 (NG). */
export function classificationLoss(logits: Float32Array, labels: ArrayLike<number>): ClassificationLoss {
  let loss = 0
  let right = 0
  for (let i = 0; i < labels.length; i++) {
    const margin = logits[2 * i + 1]! - logits[2 * i]!
    const towards = labels[i] === 1 ? margin : -margin
    // log(1 + exp(-t)) without overflow.
    loss += towards > 0 ? Math.log1p(Math.exp(-towards)) : Math.log1p(Math.exp(towards)) - towards
    if (towards > 0 || (towards === 0 && labels[i] === 0)) right++
  }
  return { loss: loss / labels.length, accuracy: right / labels.length }
}
