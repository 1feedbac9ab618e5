import type { KernelMemory } from '../shared/wasm/start-kernel.ts'
import type { SegmentationLimits } from './segment-strip.ts'
import type { WorkerFailure } from './worker-failure.ts'

/** What a worker thread is started with. */
export interface StripWorkerData {
  readonly limits: SegmentationLimits
}

/** Opens a run in the worker; where the stream is known, in the place of the run before it, which has ended. */
export interface OpenRun {
  readonly kind: 'open'
  /** Number of the run's stream, unique in the process. */
  readonly stream: number
  /** Pixels per row. */
  readonly width: number
  /** Whether the first strip is not the run's first: its first row is not the first of the run then. */
  readonly resumed: boolean
  /** Memory of the run's kernel: strips are placed in it. */
  readonly memory: KernelMemory
}

/** Where a strip's pixels lie: in the memory of the run's kernel, or in shared memory elsewhere. */
export type SharedPixels = { readonly at: number; readonly bytes: number } | Uint8Array

/** Segments the next strip of an open run. */
export interface SegmentRequest {
  readonly kind: 'segment'
  readonly stream: number
  readonly job: number
  /** StripHeader, encoded. */
  readonly header: Uint8Array
  /** Not changed until the reply. */
  readonly pixels: SharedPixels
  /** The strip is sparse: `pixels`, placed in the kernel's memory, are its bitmap of so many bytes and its blocks behind it. */
  readonly sparse: { readonly bitmapBytes: number; readonly fill: number } | undefined
  readonly receivedUnixNs: bigint
  /** What to add to the worker's clock, ns. */
  readonly clockOffsetNs: bigint
  /** Nothing is published: no message is made. */
  readonly context: boolean
}

/** Forgets a stream. */
export interface CloseRun {
  readonly kind: 'close'
  readonly stream: number
}

export type WorkerRequest = OpenRun | SegmentRequest | CloseRun

/** What one strip gave, ready for the bus. */
export interface StripReply {
  /** CropsMessage of every part, encoded; none for a context strip. */
  readonly parts: readonly Uint8Array[]
  readonly neededFromRow: number
  readonly singleAreaPx: readonly number[]
  /** Pellets with columns. */
  readonly pellets: number
  readonly shed: number
  /** Unix ns. */
  readonly beganNs: bigint
  /** Unix ns. */
  readonly endedNs: bigint
}

export type WorkerReply = { readonly kind: 'done'; readonly job: number; readonly reply: StripReply } | WorkerFailure
