import type { ModelProto } from '../../gen/third_party/onnx/onnx_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { Standardisation } from '../training/train-graph.ts'
import type { ActivationRange } from './activation-histogram.ts'
import { createInferenceGraph, type InferenceGraph, windowAttributes } from './inference-graph.ts'
import { type ConvolutionStep, type DenseStep, standardisedCrop } from './plan-inference.ts'
import type { QuantisationPlan } from './plan-quantisation.ts'
import { largestMultiplied, quantiseWeights } from './quantise-weights.ts'

/** How bytes stand for numbers: scale * (byte - zeroPoint). */
export interface ByteScale {
  readonly scale: number
  /** 0 to 255. */
  readonly zeroPoint: number
}

/** Smallest scale of a range: of a tensor that is zero throughout. */
const smallestScale = 2 ** -60

/** The scale that spreads 255 steps over a range, in which zero is exact. */
export function byteScale({ low, high }: ActivationRange): ByteScale {
  const scale = Math.fround(Math.max((high - low) / 255, smallestScale))
  return { scale, zeroPoint: Math.min(255, Math.max(0, Math.round(-low / scale))) }
}

/** The bytes of a crop are its grays, so the standardised crop is a tensor in bytes already: no arithmetic is left of it. */
function cropScale({ mean, deviation }: Standardisation): ByteScale {
  return { scale: Math.fround(1 / deviation), zeroPoint: Math.min(255, Math.max(0, Math.round(mean))) }
}

/**
 * The served model in bytes: activations uint8 with a scale per tensor, weights int8 (-64 to 64) with a scale per output channel,
 * sums int32. It is written as QuantizeLinear and DequantizeLinear around ordinary operators, which ONNX Runtime turns into its
 * integer kernels; every layer's dequantised output carries the layer's name. Input and output as for
 * `buildInferenceModel`.
 */
export function buildQuantisedModel(
  name: string,
  plan: QuantisationPlan,
  ranges: ReadonlyMap<string, ActivationRange>,
  standardisation: Standardisation,
): ModelProto {
  const graph = createInferenceGraph()
  const scales = new Map<string, ByteScale>([[standardisedCrop, cropScale(standardisation)]])
  const declared = new Set<string>()
  const scaleInputs = (range: string): readonly [string, string] => {
    const names = [`${range}.scale`, `${range}.zeroPoint`] as const
    if (declared.has(range)) return names
    declared.add(range)
    const { scale, zeroPoint } = scales.get(range)!
    graph.constant(names[0], 'float32', [], Float32Array.of(scale))
    graph.constant(names[1], 'uint8', [], Uint8Array.of(zeroPoint))
    return names
  }
  /**
   * Emits a step through `emit`, which writes to the name it is given, and takes the result through bytes with the scale of
   * `output`; the dequantised tensor is `name`.
   */
  const inBytes = (output: string, emit: (target: string) => void, name = output) => {
    const range = plan.rangeOf(output)
    if (range === undefined) return emit(name)
    if (!scales.has(range)) scales.set(range, byteScale(rangeOf(ranges, range)))
    scales.set(output, scales.get(range)!)
    emit(`${name}.sums`)
    graph.node('QuantizeLinear', [`${name}.sums`, ...scaleInputs(range)], `${name}.bytes`)
    graph.node('DequantizeLinear', [`${name}.bytes`, ...scaleInputs(range)], name)
  }

  graph.node('DequantizeLinear', ['pellet', ...scaleInputs(standardisedCrop)], standardisedCrop)
  // The zero point is whole, the mean is not: the rest goes into the bias of the layer that reads the crop.
  const rest = (scales.get(standardisedCrop)!.zeroPoint - standardisation.mean) / standardisation.deviation

  for (const step of plan.steps) {
    const { input, output } = step
    switch (step.kind) {
      case 'convolution':
      case 'dense': {
        const shifted = input === standardisedCrop ? { ...step, bias: addToBias(step, rest) } : step
        const operands = [input, ...quantisedOperands(graph, shifted, scales.get(input)!)]
        inBytes(output, (target) =>
          step.kind === 'convolution'
            ? graph.node('Conv', operands, target, windowAttributes(step.window))
            : graph.node('Gemm', operands, target),
        )
        break
      }
      case 'maxPool':
        inBytes(output, (target) => graph.node('MaxPool', [input], target, windowAttributes(step.window)))
        break
      case 'add':
        inBytes(output, (target) => graph.node('Add', [input, step.shortcut], target))
        break
      case 'activation': {
        const { slope } = step
        inBytes(output, (target) => graph.node('LeakyRelu', [input], target, { alpha: { float: slope } }))
        break
      }
      case 'globalAverage':
        inBytes(output, (target) => graph.node('GlobalAveragePool', [input], target), `${output}.map`)
        inBytes(output, (target) => graph.node('Flatten', [`${output}.map`], target, { axis: 1 }))
        break
      default:
        step satisfies never
    }
  }
  return graph.finish(name, plan.steps.at(-1)?.output ?? standardisedCrop)
}

function rangeOf(ranges: ReadonlyMap<string, ActivationRange>, tensor: string): ActivationRange {
  const range = ranges.get(tensor)
  if (range === undefined) throw new PelletlineError('internal', `the range of ${tensor} was not measured`)
  return range
}

/** A convolution's bias when its input is larger by `offset` everywhere. */
function addToBias({ weights, bias }: ConvolutionStep | DenseStep, offset: number): Float32Array {
  const perChannel = weights.data.length / bias.length
  return bias.map((value, channel) => {
    const own = weights.data.subarray(channel * perChannel, (channel + 1) * perChannel)
    return value + offset * own.reduce((sum, weight) => sum + weight, 0)
  })
}

/** Weights and bias of a layer as dequantised integers; returns the names of both. */
function quantisedOperands(graph: InferenceGraph, step: ConvolutionStep | DenseStep, input: ByteScale) {
  const { layer, bias } = step
  const axis = step.kind === 'convolution' ? 0 : 1
  // The bias is counted in products of both scales; a channel of tiny weights must not take it out of 32 bits.
  const { dims, data, scales } = quantiseWeights(step.weights, axis, {
    largest: largestMultiplied,
    leastScale: (channel) => Math.abs(bias[channel]!) / (input.scale * 2 ** 30),
  })
  const productScales = scales.map((scale) => scale * input.scale)
  const counts = Int32Array.from(bias, (value, channel) => Math.round(value / productScales[channel]!))
  const channels = [bias.length]
  const weights = graph.node(
    'DequantizeLinear',
    [
      graph.constant(`${layer}.weights.bytes`, 'int8', dims, data),
      graph.constant(`${layer}.weights.scales`, 'float32', channels, scales),
      graph.constant(`${layer}.weights.zeroPoints`, 'int8', channels, new Int8Array(bias.length)),
    ],
    `${layer}.weights`,
    { axis },
  )
  const offsets = graph.node(
    'DequantizeLinear',
    [
      graph.constant(`${layer}.bias.counts`, 'int32', channels, counts),
      graph.constant(`${layer}.bias.scales`, 'float32', channels, productScales),
    ],
    `${layer}.bias`,
    { axis: 0 },
  )
  return [weights, offsets] as const
}
