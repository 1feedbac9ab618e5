import { create } from '@bufbuild/protobuf'
import { GraphProtoSchema, type ModelProto, ModelProtoSchema } from '../../../gen/third_party/onnx/onnx_pb.ts'
import { cropBytes, cropSide } from '../../inspection/crop.ts'
import type { GraphWorker } from '../../onnx/graph-worker.ts'
import { encodeModel, nodeProto, valueInfo } from '../../onnx/onnx-proto.ts'
import type { BackwardRule } from '../backward-rules.ts'
import { differentiateScore, type ScoreOptions } from '../differentiate-score.ts'
import { inferShapes } from '../infer-shapes.ts'
import { createReference, type Reals } from './evaluate-graph.ts'

/** Repeatable uniform numbers from 0 to 1. */
export function createUniform(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** Crops of noise: no two pixels of a window tie, where no derivative exists. */
export function noiseCrops(count: number, seed = 1): Uint8Array {
  const uniform = createUniform(seed)
  return Uint8Array.from({ length: count * cropBytes }, () => Math.floor(256 * uniform()))
}

/** d score / d layer of each layer as the derived graph gives them, with the layers' own values. */
export async function runGradients(
  worker: GraphWorker,
  model: ModelProto,
  pixels: Uint8Array,
  layers: readonly string[],
  options: ScoreOptions,
  rules?: Readonly<Record<string, BackwardRule>>,
) {
  const { nodes, initializers, gradients, score } = differentiateScore(model, layers, options, rules)
  const shapes = inferShapes(model.graph!)
  const outputs = layers.flatMap((layer) =>
    [layer, `gradient of ${layer}`].map((name) => valueInfo(name, 'float32', shapes.get(layer)!)),
  )
  const graph = create(GraphProtoSchema, {
    ...model.graph!,
    node: [
      ...nodes,
      ...layers.map((layer) => nodeProto('Identity', [gradients.get(layer)!], [`gradient of ${layer}`])),
    ],
    initializer: [...initializers],
    output: [...model.graph!.output, valueInfo(score, 'float32', ['N']), ...outputs],
  })
  await worker.load('gradients', encodeModel(create(ModelProtoSchema, { ...model, graph })))
  const dims = [pixels.length / cropBytes, 1, cropSide, cropSide]
  const found = await worker.run({
    model: 'gradients',
    feeds: { pellet: { type: 'uint8', dims, data: pixels.slice() } },
    keep: {},
    fetch: ['logits', score, ...outputs.map(({ name }) => name)],
  })
  const reals = (name: string): Reals => ({
    dims: found[name]!.dims,
    data: Float64Array.from(found[name]!.data as Float32Array),
  })
  return {
    logits: reals('logits'),
    score: reals(score),
    layer: reals,
    gradient: (name: string) => reals(`gradient of ${name}`),
  }
}

/** The score of each crop in double precision. */
export function scoreOf({ data }: Reals, { score, target }: ScoreOptions): number[] {
  return Array.from({ length: data.length / 2 }, (_, i) => {
    const [own, other] = target === 'NG' ? [data[2 * i + 1]!, data[2 * i]!] : [data[2 * i]!, data[2 * i + 1]!]
    return score === 'logit' ? own : 1 / (1 + Math.exp(other - own))
  })
}

export interface GradientCheck {
  /** Relative L2 error over the entries that were shaken. */
  readonly error: number
  /** Entries that were shaken, and those among them that stand at a kink, where there is no derivative to compare. */
  readonly shaken: number
  readonly kinks: number
}

/**
 * Compares d score / d layer with central finite differences of the score, the graph split at the layer: its values are
 * fed and shaken one entry at a time, in double precision by another program than the one under test. Only entries that
 * are not exactly 0 are shaken: at 0 a rectified value stands at its kink.
 */
export async function checkGradients(
  worker: GraphWorker,
  model: ModelProto,
  layers: readonly string[],
  options: ScoreOptions,
  { rules, samples = 12 }: { readonly rules?: Readonly<Record<string, BackwardRule>>; readonly samples?: number } = {},
): Promise<ReadonlyMap<string, GradientCheck>> {
  const pixels = noiseCrops(2)
  const derived = await runGradients(worker, model, pixels, layers, options, rules)
  const evaluate = createReference(model)
  const image: Reals = { dims: [2, 1, cropSide, cropSide], data: Float64Array.from(pixels) }
  const values = evaluate({ pellet: image }, layers)
  const uniform = createUniform(7)
  const checks = new Map<string, GradientCheck>()
  for (const layer of layers) {
    const value = values.get(layer)!
    const gradient = derived.gradient(layer).data
    const sumAt = (place: number, shift: number) => {
      const data = value.data.slice()
      data[place]! += shift
      const scores = scoreOf(
        evaluate({ pellet: image, [layer]: { ...value, data } }, ['logits']).get('logits')!,
        options,
      )
      return scores.reduce((a, b) => a + b, 0)
    }
    const still = sumAt(0, 0)
    let [difference, size, kinks, shaken] = [0, 0, 0, 0]
    while (shaken < samples) {
      const place = Math.floor(uniform() * value.data.length)
      if (value.data[place] === 0) continue
      shaken += 1
      const step = 1e-6 * Math.max(1, Math.abs(value.data[place]!))
      const [up, down] = [(sumAt(place, step) - still) / step, (still - sumAt(place, -step)) / step]
      if (Math.abs(up - down) > 1e-3 * (Math.abs(up) + Math.abs(down)) + 1e-8) {
        kinks += 1
        continue
      }
      const expected = (up + down) / 2
      difference += (gradient[place]! - expected) ** 2
      size += expected ** 2
    }
    checks.set(layer, { error: Math.sqrt(difference / size), shaken, kinks })
  }
  return checks
}
