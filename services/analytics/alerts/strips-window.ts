import { FollowState } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { StripCondition } from '../booking/entries.ts'

/** What the headers of a line's newest strips say of camera and light. */
export interface StripsSeen {
  readonly strips: number
  /** Of these, those with columns on which dirt or dead pixels stand. */
  readonly dirty: number
  /** Those whose light, whose sizes, and either of which are lost. */
  readonly lightLost: number
  readonly sizeLost: number
  readonly lost: number
  /** The newest strip with such columns. */
  readonly newestDirty: Pick<StripCondition, 'camera' | 'dirtyColumns'> | undefined
}

/** The newest strips of a line, bounded in number. */
export interface StripsWindow {
  add(strip: StripCondition): void
  /** The newest `limit` strips; older ones are let go of. */
  seen(limit: number): StripsSeen
  readonly size: number
}

/** Creates an empty window. Strips come in any order, so it is a window of booking, not of the run. */
export function createStripsWindow(): StripsWindow {
  let strips: StripCondition[] = []
  const isDirty = (strip: StripCondition) => strip.dirtyColumns.length > 0
  const isLost = (state: FollowState) => state === FollowState.LOST
  return {
    add(strip) {
      strips.push(strip)
    },
    seen(limit) {
      if (strips.length > limit) strips = strips.slice(-limit)
      const count = (is: (strip: StripCondition) => boolean) => strips.filter(is).length
      return {
        strips: strips.length,
        dirty: count(isDirty),
        lightLost: count((strip) => isLost(strip.lightState)),
        sizeLost: count((strip) => isLost(strip.sizeState)),
        lost: count((strip) => isLost(strip.lightState) || isLost(strip.sizeState)),
        newestDirty: strips.findLast(isDirty),
      }
    },
    get size() {
      return strips.length
    },
  }
}
