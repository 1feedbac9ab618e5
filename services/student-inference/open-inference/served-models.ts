/** Element types that a served model may take. */
export type ServedDatatype = 'UINT8' | 'FP32'

/** A tensor as a served model has it. */
export interface ServedTensor {
  readonly name: string
  readonly datatype: ServedDatatype
  /** Dimensions of one item, without that of the batch, which comes first. */
  readonly itemShape: readonly number[]
}

/** Elements of a batch: bytes for UINT8, floats for FP32; row-major, item after item. */
export type BatchElements = Uint8Array | Float32Array

export interface InferOptions {
  /** What happens where too many items wait: refuse with `resource_exhausted` and a retry hint, or wait for room. */
  readonly whenFull: 'refuse' | 'wait'
  /** Whose share of the workers the items use: a caller's connection, or a stream of it; absent: that of all callers without one. */
  readonly share?: string
  /** When the answer is wanted, ms from now; absent: as the server sees fit. */
  readonly withinMs?: number
  /** Aborted when nobody waits for the answer any more; what has not begun then is not computed. */
  readonly signal: AbortSignal
}

/** A count of events and the time that they took together. */
export interface Duration {
  readonly count: number
  readonly ns: bigint
}

/** What a model has done since it was loaded, for all its callers. */
export interface ServedStatistics {
  /** Items that were run. */
  readonly items: number
  /** End of the last run, Unix ms; 0: none. */
  readonly lastRunMs: number
  /** Requests that were answered, from their arrival. */
  readonly success: Duration
  /** Requests that failed or were cancelled. */
  readonly fail: Duration
  /** Waits of answered requests from their arrival until their first batch ran, in a worker's hands as well. */
  readonly queue: Duration
  /** Times of answered requests from their first batch to their last. */
  readonly compute: Duration
  /** Runs by batch size, smallest first. */
  readonly runs: readonly { readonly batchSize: number; readonly compute: Duration }[]
}

/** One version of a model that can be run. */
export interface ServedModel {
  readonly name: string
  readonly version: string
  /** What runs it, in Triton's terms. */
  readonly platform: string
  readonly backend: string
  readonly input: ServedTensor
  /** Always FP32. */
  readonly output: ServedTensor
  /** Most items of one request. */
  readonly maxItems: number
  /** Sessions that run it at once. */
  readonly sessions: number
  /** Whether they run on a GPU. */
  readonly onGpu: boolean
  /** Most items of one run, into which requests are merged. */
  readonly maxBatch: number
  /** Further facts as they are now: digest, threshold, order of classes, precision, provider, sessions at work, integer instructions of the processor. */
  facts(): Readonly<Record<string, string>>
  ready(): boolean
  /**
   * Runs the model on `count` items and gives the elements of its output, item after item, all finite. Rejects with a
   * PelletlineError; what another caller sends has no part in it.
   */
  infer(elements: BatchElements, count: number, options: InferOptions): Promise<Float32Array>
  statistics(): ServedStatistics
}

/** A line of the repository's index. */
export interface ServedModelState {
  readonly name: string
  /** Empty where it is not known yet. */
  readonly version: string
  readonly state: 'READY' | 'LOADING' | 'UNLOADING' | 'UNAVAILABLE'
  /** Why it is in that state; empty: nothing to say. */
  readonly reason: string
}

/** Changes to the models that a caller may ask for. */
export interface ModelControl {
  /** Resolves once the model is ready; rejects where it is refused, and what was served stays. */
  load(name: string, signal: AbortSignal): Promise<void>
  /** Resolves once the model takes no more requests. */
  unload(name: string, signal: AbortSignal): Promise<void>
}

/** What the Open Inference Protocol needs of whatever holds and runs the models. */
export interface ServedModels {
  /** Requests are taken. */
  ready(): boolean
  list(): readonly ServedModelState[]
  /**
   * The model of that name and version; an empty version stands for the one that is in use. Throws `not_found` where there
   * is none and `unavailable`, with the wait that is to be expected, where it is there and takes no requests yet.
   */
  find(name: string, version: string): ServedModel
  /** Absent where callers may not change the models. */
  readonly control?: ModelControl
  /** Models that may be loaded and those that have been, each under the name that `control` takes; there where that is. */
  repository?(): readonly ServedModelState[]
}
