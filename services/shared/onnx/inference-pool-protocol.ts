import type { ErrorCode } from '../errors/pelletline-error.ts'
import type { InputType } from './check-model.ts'
import type { InferenceProvider } from './inference-provider.ts'

/** Shared memory of one run: the main thread writes pixels, the worker writes logits; only the slot's index is sent. */
export interface SlotMemory {
  /** maxBatch * 2500 bytes. */
  readonly pixels: SharedArrayBuffer
  /** maxBatch * 2 float32. */
  readonly logits: SharedArrayBuffer
}

/** What a worker thread is started with. */
export interface InferenceWorkerData {
  /** Path of the model, for messages only. */
  readonly modelPath: string
  /** The bytes whose digest was checked, so that what was checked is what runs. */
  readonly modelBytes: SharedArrayBuffer
  /** Element type in which the model takes the crops. */
  readonly inputType: InputType
  readonly provider: InferenceProvider
  /** Threads of one run. */
  readonly threads: number
  /** Whether threads of the run spin while they wait for work. */
  readonly allowSpinning: boolean
  /** Nice value of the worker and of its session's threads, 0..19. */
  readonly niceness: number
  readonly maxBatch: number
  readonly slots: readonly SlotMemory[]
}

/** Asks a worker to run the first `count` crops of a slot. */
export interface RunRequest {
  readonly slot: number
  readonly count: number
}

/** What a worker answers. */
export type WorkerReply =
  | { readonly kind: 'ready'; readonly warmUpMs: number }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'done'; readonly slot: number; readonly computeUs: number }
  | { readonly kind: 'failed'; readonly slot: number; readonly message: string }
