import type { Segmenter, StripRows } from './types.ts'

/** What another segmenter has to read first in order to take over a run between two strips. */
export interface CarriedStrip extends StripRows {
  /** Whether rows of the run lie before the first one: what touches that was reported, or is the tail of what was. */
  readonly resumed: boolean
}

/** A segmenter from which another one can take over. */
export interface HandingSegmenter extends Segmenter {
  /** The rows at hand, in memory of their own: those of what is open with the crop's margin. Undefined where no run is open. */
  carried(): CarriedStrip | undefined
}
