import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { type ConvolutionLayer, type Network, traceNetwork } from '../networks/network.ts'
import type { ConvolutionShape } from '../operators/convolution.ts'
import { foldNormalization } from './fold-normalization.ts'

/** Tensor that the first layer reads: the standardised crop. */
export const standardisedCrop = 'standardised'

export interface WeightTensor {
  readonly dims: readonly number[]
  readonly data: Float32Array
}

interface StepOutput {
  /** Layer that the step belongs to: what its weights are named by. */
  readonly layer: string
  /** Name of the tensor that it gives: the layer's for the last step of a layer. */
  readonly output: string
}

export interface ConvolutionStep extends StepOutput {
  readonly kind: 'convolution'
  readonly input: string
  readonly window: ConvolutionShape
  /** [out, in, kernel, kernel], normalisation folded in. */
  readonly weights: WeightTensor
  readonly bias: Float32Array
}

export interface DenseStep extends StepOutput {
  readonly kind: 'dense'
  readonly input: string
  /** [in, out] */
  readonly weights: WeightTensor
  readonly bias: Float32Array
}

/** One operation of the served model. */
export type InferenceStep =
  | ConvolutionStep
  | DenseStep
  | (StepOutput & { readonly kind: 'maxPool'; readonly input: string; readonly window: ConvolutionShape })
  | (StepOutput & { readonly kind: 'add'; readonly input: string; readonly shortcut: string })
  | (StepOutput & { readonly kind: 'activation'; readonly input: string; readonly slope: number })
  /** [N, C, H, W] to [N, C]. */
  | (StepOutput & { readonly kind: 'globalAverage'; readonly input: string })

/**
 * What a network does when it is served, from `standardised` to its last layer: batch normalisation folded into the
 * convolutions, dropout gone. Every precision is written from these steps. `parameters` are the whole ones by name.
 */
export function planInference(
  network: Network,
  parameters: ReadonlyMap<string, Float32Array>,
): readonly InferenceStep[] {
  const steps: InferenceStep[] = []
  const outputs = new Map<string, string>()
  for (const { layer, input, from } of traceNetwork(network)) {
    const x = from === undefined ? standardisedCrop : outputs.get(from)!
    const own = stepsOf(layer.name, x)
    const { name } = layer
    switch (layer.kind) {
      case 'convolution': {
        const { kernel, stride, padding, channels, pool, shortcut, slope } = layer
        const folded = foldNormalization(layer, input.channels, parameters)
        const weights = { dims: [channels, input.channels, kernel, kernel], data: folded.weights }
        const window = { kernel, stride, padding }
        own.push((io) => ({ kind: 'convolution', window, weights, bias: folded.bias, ...io }))
        if (pool !== undefined) own.push((io) => ({ kind: 'maxPool', window: pool, ...io }))
        if (shortcut !== undefined) own.push((io) => ({ kind: 'add', shortcut: outputs.get(shortcut)!, ...io }))
        if (slope !== undefined) own.push((io) => ({ kind: 'activation', slope, ...io }))
        break
      }
      case 'maxPool': {
        const { kernel, stride, padding } = layer
        own.push((io) => ({ kind: 'maxPool', window: { kernel, stride, padding }, ...io }))
        break
      }
      case 'globalAveragePool':
        own.push((io) => ({ kind: 'globalAverage', ...io }))
        break
      case 'dropout':
        break
      case 'dense': {
        const weights = { dims: [input.channels, layer.units], data: find(parameters, `${name}.weights`) }
        const bias = find(parameters, `${name}.bias`)
        const { slope } = layer
        own.push((io) => ({ kind: 'dense', weights, bias, ...io }))
        if (slope !== undefined) own.push((io) => ({ kind: 'activation', slope, ...io }))
        break
      }
      default:
        layer satisfies never
    }
    const made = own.make()
    steps.push(...made)
    outputs.set(name, made.at(-1)?.output ?? x)
  }
  return steps
}

type MakeStep = (io: { readonly layer: string; readonly input: string; readonly output: string }) => InferenceStep

/** Chains the steps of one layer: the last one's output is the layer's, those before are numbered. */
function stepsOf(layer: string, x: string) {
  const makers: MakeStep[] = []
  return {
    push: (make: MakeStep) => makers.push(make),
    make: () =>
      makers.map((make, i) =>
        make({
          layer,
          input: i === 0 ? x : `${layer}.${i - 1}`,
          output: i === makers.length - 1 ? layer : `${layer}.${i}`,
        }),
      ),
  }
}

function find(parameters: ReadonlyMap<string, Float32Array>, name: string): Float32Array {
  const found = parameters.get(name)
  if (found === undefined) throw new PelletlineError('internal', `parameter ${name} is missing`)
  return found
}

/** Tensor of the served model that a convolution's normalisation gives: after its pool, before shortcut and activation. */
export function normalisedTensor({ name, pool, shortcut, slope }: ConvolutionLayer): string {
  if (shortcut === undefined && slope === undefined) return name
  return `${name}.${pool === undefined ? 0 : 1}`
}
