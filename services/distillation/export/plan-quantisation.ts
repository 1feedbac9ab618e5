import type { InferenceStep } from './plan-inference.ts'

/** A tensor whose range the calibration measures. */
export interface RangedTensor {
  readonly name: string
  /** Slope of the activation that follows below zero: what an error there counts; 1 without one. */
  readonly belowZero: number
}

export interface QuantisationPlan {
  /** The steps without those that bytes make needless. */
  readonly steps: readonly InferenceStep[]
  readonly ranged: readonly RangedTensor[]
  /** The tensor whose range a step's output is quantised by; undefined: it stays float32. */
  rangeOf(tensor: string): string | undefined
}

/**
 * What bytes a network's tensors are held in.
 *
 * A ReLU is no step of its own: bytes whose zero stands for 0 cut off what is negative. A max-pool leaves bytes as they
 * are, so its output has the bytes of its input; where nothing else reads the input, the range is the output's, since
 * cutting off and taking the maximum commute. The last output, the logits, stays float32.
 */
export function planQuantisation(planned: readonly InferenceStep[]): QuantisationPlan {
  const steps = mergeRelus(planned)
  const last = steps.at(-1)?.output
  const readers = new Map<string, InferenceStep[]>()
  for (const step of steps) {
    for (const tensor of [step.input, ...(step.kind === 'add' ? [step.shortcut] : [])]) {
      readers.set(tensor, [...(readers.get(tensor) ?? []), step])
    }
  }
  const ranges = new Map<string, string>()
  // Backwards: where an input takes over its pool's range, the pool's own is known.
  for (const step of steps.toReversed()) {
    const [reader, ...others] = readers.get(step.output) ?? []
    const passedOn = reader?.kind === 'maxPool' && others.length === 0 ? ranges.get(reader.output) : undefined
    ranges.set(step.output, passedOn ?? step.output)
  }
  // Forwards: pools whose input others read too.
  for (const step of steps) {
    const above = ranges.get(step.input)
    if (step.kind === 'maxPool' && above !== undefined) ranges.set(step.output, above)
  }
  if (last !== undefined) ranges.delete(last)
  const inOrder = steps.flatMap(({ output }) => ranges.get(output) ?? [])
  const ranged = [...new Set(inOrder)].map((name) => {
    const reader = readers.get(name)?.[0]
    return { name, belowZero: reader?.kind === 'activation' ? reader.slope : 1 }
  })
  return { steps, ranged, rangeOf: (tensor) => ranges.get(tensor) }
}

function mergeRelus(planned: readonly InferenceStep[]): readonly InferenceStep[] {
  const steps: InferenceStep[] = []
  for (const step of planned) {
    const before = steps.at(-1)
    if (step.kind === 'activation' && step.slope === 0 && before?.output === step.input) {
      steps[steps.length - 1] = { ...before, output: step.output }
    } else {
      steps.push(step)
    }
  }
  return steps
}
