import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import {
  createExplainer,
  defaultHeatmapLayer,
  type Explainer,
  type Explanation,
  type HeatmapLayer,
  listHeatmapLayers,
} from '../shared/heatmap/index.ts'
import { createGraphWorker, type GraphWorker } from '../shared/onnx/graph-worker.ts'
import type { LoadedModel } from '../shared/onnx/load-model.ts'
import { decodeModel } from '../shared/onnx/onnx-proto.ts'
import type { Clock } from '../shared/service/clock.ts'

/** What is asked of a model about crops. */
export interface ExplainQuestion {
  /** 2,500 gray bytes each. */
  readonly crops: readonly Uint8Array[]
  /** Empty: the last convolution. */
  readonly layer: string
  readonly score: 'probability' | 'logit'
  readonly target: 'NG' | 'OK'
}

export interface ExplainedCrops {
  readonly layer: HeatmapLayer
  readonly explanation: Explanation
  readonly queuedUs: number
  readonly computedUs: number
}

export interface ModelLayers {
  readonly layers: readonly HeatmapLayer[]
  /** Name of the layer that is explained where none is named. */
  readonly byDefault: string
}

/**
 * Explains crops in a thread of its own, one request after the other. Model, thread and graphs are loaded by the first
 * request that needs them.
 */
export interface CropExplainer {
  /**
   * Rejects with `not_found` for a layer that there is not, `resource_exhausted` where too many crops wait, `cancelled` on
   * abort (what has not begun is not computed), `unavailable` once it is closed, `failed_precondition` where the model cannot be explained or its file has
   * changed since it was put into use.
   */
  explain(question: ExplainQuestion, signal?: AbortSignal): Promise<ExplainedCrops>
  layers(): Promise<ModelLayers>
  /** Crops that wait or are being explained. */
  queued(): number
  /** Resolves once nothing waits and nothing is computed. */
  idle(): Promise<void>
  close(): Promise<void>
}

export interface CropExplainerOptions {
  /** Path or address of the model, for messages. */
  readonly modelPath: string
  /** Reads the model in use again; rejects where it is another one by now. */
  readonly read: () => Promise<Pick<LoadedModel, 'bytes'>>
  /** Crops that may wait. */
  readonly queueLimit: number
  readonly clock: Pick<Clock, 'nowNs'>
}

/** Graphs that stay loaded, one for each layer, score and class asked for: each holds the model's weights. */
const graphLimit = 3

/** Crops of one run: short, so that a request that is cancelled ends soon. */
const cropsPerRun = 8

/** The thread yields to those that judge. */
const niceness = 10

interface Loaded {
  readonly bytes: Uint8Array
  readonly layers: ModelLayers
  readonly worker: GraphWorker
  /** By layer, score and class; the least recently used first. */
  readonly explainers: Map<string, Explainer>
}

/** Creates the explainer; nothing is loaded. */
export function createCropExplainer(options: CropExplainerOptions): CropExplainer {
  const { modelPath, read, queueLimit, clock } = options
  let loading: Promise<Loaded> | undefined
  let last: Promise<unknown> = Promise.resolve()
  let closed = false
  let queued = 0
  let microsPerCrop = 20_000

  async function load(): Promise<Loaded> {
    const { bytes: shared } = await read().catch((cause) => {
      throw new PelletlineError(
        'failed_precondition',
        `The model in use cannot be read again to be explained (${PelletlineError.from(cause).message}); restore ${modelPath}, or restart with the one that is there.`,
        { cause },
      )
    })
    const bytes = new Uint8Array(shared)
    const model = decodeModel(bytes, modelPath)
    const layers = { layers: listHeatmapLayers(model), byDefault: defaultHeatmapLayer(model) }
    const worker = createGraphWorker({ threads: 1, spinning: false, niceness })
    return { bytes, layers, worker, explainers: new Map() }
  }

  /** The model; a load that failed is tried again by the next request. */
  function loaded(): Promise<Loaded> {
    // What waited when the explainer was closed must not start another thread, which nobody would end.
    if (closed)
      return Promise.reject(new PelletlineError('unavailable', 'The student was stopped; ask another instance.'))
    loading ??= load().catch((error) => {
      loading = undefined
      throw error
    })
    return loading
  }

  async function explainerFor({ layer, score, target }: ExplainQuestion): Promise<Explainer> {
    const { bytes, layers, worker, explainers } = await loaded()
    const name = layer === '' ? layers.byDefault : layer
    const key = `${score} ${target} ${name}`
    const settings = { layers: [name], score, target, source: modelPath, maxBatch: cropsPerRun }
    const explainer = explainers.get(key) ?? (await createExplainer(worker, bytes, settings))
    explainers.delete(key)
    explainers.set(key, explainer)
    for (const [other, { release }] of explainers) {
      if (explainers.size <= graphLimit) break
      explainers.delete(other)
      await release()
    }
    return explainer
  }

  /** Lets go of a thread that may be broken. */
  async function unload(): Promise<void> {
    const before = loading
    loading = undefined
    await (await before?.catch(() => undefined))?.worker.close()
  }

  async function answer(question: ExplainQuestion, queuedNs: bigint, signal?: AbortSignal): Promise<ExplainedCrops> {
    if (signal?.aborted) throw new PelletlineError('cancelled', 'The explanation was cancelled; ask again if wanted.')
    const beganNs = clock.nowNs()
    try {
      const explainer = await explainerFor(question)
      const explanation = await explainer.explain(question.crops, signal)
      const computedUs = Number((clock.nowNs() - beganNs) / 1000n)
      microsPerCrop += (computedUs / question.crops.length - microsPerCrop) / 4
      const queuedUs = Number((beganNs - queuedNs) / 1000n)
      return { layer: explainer.layers[0]!, explanation, queuedUs, computedUs }
    } catch (error) {
      if (PelletlineError.from(error).code === 'internal') await unload()
      throw error
    }
  }

  return {
    async explain(question, signal) {
      const count = question.crops.length
      if (queued + count > queueLimit) {
        const retryAfterMs = Math.min(10_000, Math.max(20, Math.ceil((queued * microsPerCrop) / 1000)))
        throw new PelletlineError(
          'resource_exhausted',
          `${queued} of at most ${queueLimit} crops wait to be explained and ${count} more do not fit; send them again in ${retryAfterMs} ms.`,
          { retryAfterMs },
        )
      }
      queued += count
      const queuedNs = clock.nowNs()
      const turn = last.then(() => answer(question, queuedNs, signal))
      last = turn.catch(() => {}).finally(() => (queued -= count))
      return await turn
    },
    layers: async () => (await loaded()).layers,
    queued: () => queued,
    idle: async () => {
      while (queued > 0) await last
    },
    close: () => {
      closed = true
      return unload()
    },
  }
}
