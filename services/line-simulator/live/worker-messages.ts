import type { ErrorCode } from '../../shared/errors/pelletline-error.ts'
import type { Fault } from '../faults.ts'
import type { LineSettings } from '../settings.ts'
import type { PelletTruth } from '../truth/pellet-truth.ts'
import type { StripPlace } from './cut-strips.ts'
import type { RowsTruth } from './strip-truth.ts'

interface CommonJob {
  readonly settings: LineSettings
  readonly seed: number
  readonly faults: readonly Fault[]
  /** Whether every pellet's truth is wanted, not just the counts. */
  readonly list: boolean
}

/** What the render worker is started with. */
export type WorkerJob =
  | (CommonJob & {
      readonly kind: 'strips'
      readonly endRow: number | undefined
      /** Slots for rendered strips, and their states: 0 free, 1 waits to be taken. */
      readonly slots: SharedArrayBuffer
      readonly slotBytes: number
      readonly states: Int32Array
    })
  | (CommonJob & {
      readonly kind: 'ring'
      readonly periodBands: number
      /** One ring of rows, and one more per fault that changes pellets. */
      readonly rings: SharedArrayBuffer
    })

/** A strip lies in a slot. */
export interface StripReady {
  readonly type: 'strip'
  readonly slot: number
  readonly place: StripPlace
  readonly truth: RowsTruth
}

/** A ring is rendered; its pellets by last row within the ring. */
export interface RingReady {
  readonly type: 'ring'
  readonly number: number
  readonly lastRows: Float64Array
  /** 0 OK, 1 NG, 2 subSize. */
  readonly classes: Uint8Array
  /** Truth with rows counted from the second lap. */
  readonly list: readonly PelletTruth[] | undefined
}

export type WorkerMessage =
  | StripReady
  | RingReady
  | { readonly type: 'progress'; readonly share: number }
  | { readonly type: 'end' }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }
