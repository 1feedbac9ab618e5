import { randomUUID } from 'node:crypto'
import type { ModelProto } from '../../gen/third_party/onnx/onnx_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { cropBytes, cropSide } from '../inspection/crop.ts'
import type { GraphWorker } from '../onnx/graph-worker.ts'
import { decodeModel, encodeModel, onnxTypeNumber } from '../onnx/onnx-proto.ts'
import { buildHeatmapModel, heatmapOutput } from './build-heatmap-model.ts'
import { defaultHeatmapLayer, type HeatmapLayer, listHeatmapLayers } from './list-heatmap-layers.ts'
import type { Heatmap } from './scale-heatmap.ts'

export interface ExplainerOptions {
  /** Names of layers; default: the last convolution alone. */
  readonly layers?: readonly string[] | undefined
  /** What is differentiated: the softmax score, as the paper has it (default), or the logit. */
  readonly score?: 'probability' | 'logit' | undefined
  /** The class whose score it is; default NG. */
  readonly target?: 'NG' | 'OK' | undefined
  /** What the model is called in errors, a path or an id; default `the model`. */
  readonly source?: string
  /** Crops of one run, a bound on memory; default 16. */
  readonly maxBatch?: number
}

/** What a model looked at in crops, in their order. */
export interface Explanation {
  /** [N,2]: OK, NG of each crop. */
  readonly logits: Float32Array
  /** [N]: what was differentiated. */
  readonly scores: Float32Array
  /** By layer, one for each crop: of the layer's size, not scaled. */
  readonly heatmaps: ReadonlyMap<string, readonly Heatmap[]>
}

export interface Explainer {
  /** The layers that are explained. */
  readonly layers: readonly HeatmapLayer[]
  /**
   * Explains crops of 2,500 gray bytes each. `invalid_argument` for a crop of another size, `cancelled` where the signal is
   * aborted between two runs.
   */
  explain(crops: readonly Uint8Array[], signal?: AbortSignal): Promise<Explanation>
  /** Lets the model go; the worker stays. */
  release(): Promise<void>
}

/** Whether a model takes its crops as floats, of the same grays. */
function takesFloats({ graph }: ModelProto): boolean {
  const type = graph?.input.find(({ name }) => name === 'pellet')?.type?.value
  return type?.case === 'tensorType' && type.value.elemType === onnxTypeNumber.float32
}

/**
 * Derives the heatmap model of a served model and loads it into a worker. Throws what `buildHeatmapModel` throws,
 * `data_loss` where the bytes are no ONNX model, and `failed_precondition` where ONNX Runtime refuses it. The bytes stay the
 * caller's.
 */
export async function createExplainer(
  worker: GraphWorker,
  modelBytes: Uint8Array,
  options: ExplainerOptions = {},
): Promise<Explainer> {
  const { score = 'probability', target = 'NG', source = 'the model', maxBatch = 16 } = options
  const served = decodeModel(modelBytes, source)
  const names = options.layers ?? [defaultHeatmapLayer(served)]
  const bytes = encodeModel(buildHeatmapModel(served, { layers: names, score, target }))
  const floats = takesFloats(served)
  const layers = listHeatmapLayers(served).filter((layer) => names.includes(layer.name))
  const model = `explain ${source} ${randomUUID()}`
  await worker.load(model, bytes).catch((cause) => {
    const { code, message } = PelletlineError.from(cause)
    if (code !== 'internal') throw cause
    throw new PelletlineError(
      'failed_precondition',
      `${source} cannot be explained (${message.split('\n')[0]}): export it again, or give another model`,
      { cause },
    )
  })

  async function run(crops: readonly Uint8Array[]) {
    const pixels = new Uint8Array(crops.length * cropBytes)
    for (const [i, crop] of crops.entries()) pixels.set(crop, i * cropBytes)
    const feed = floats
      ? ({ type: 'float32', data: Float32Array.from(pixels) } as const)
      : ({ type: 'uint8', data: pixels } as const)
    const outputs = await worker.run({
      model,
      feeds: { pellet: { ...feed, dims: [crops.length, 1, cropSide, cropSide] } },
      keep: {},
      fetch: ['logits', 'score', ...layers.map((layer) => heatmapOutput(layer.name))],
    })
    return (name: string) => outputs[name]!.data as Float32Array
  }

  return {
    layers,
    async explain(crops, signal) {
      const wrong = crops.findIndex((crop) => crop.length !== cropBytes)
      if (wrong >= 0) {
        throw new PelletlineError(
          'invalid_argument',
          `Crop ${wrong} has ${crops[wrong]!.length} bytes; a crop has ${cropBytes}: ${cropSide}x${cropSide} gray, row-major.`,
        )
      }
      const logits = new Float32Array(2 * crops.length)
      const scores = new Float32Array(crops.length)
      const heatmaps = new Map(layers.map(({ name }) => [name, [] as Heatmap[]]))
      for (let from = 0; from < crops.length; from += maxBatch) {
        if (signal?.aborted)
          throw new PelletlineError('cancelled', 'The explanation was cancelled; ask again if wanted.')
        const part = crops.slice(from, from + maxBatch)
        const output = await run(part)
        logits.set(output('logits'), 2 * from)
        scores.set(output('score'), from)
        for (const { name, width, height } of layers) {
          const values = output(heatmapOutput(name))
          const size = width * height
          const maps = part.map((_, i) => ({ width, height, values: values.slice(i * size, (i + 1) * size) }))
          heatmaps.get(name)!.push(...maps)
        }
      }
      return { logits, scores, heatmaps }
    },
    release: () => worker.release(model),
  }
}
