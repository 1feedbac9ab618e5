import type { ScenePellet } from '../scene/place-pellets.ts'
import { type PelletTruth, pelletTruth } from '../truth/pellet-truth.ts'
import type { LostRows } from './cut-strips.ts'

/** How many pellets end in a strip (or in the lost rows before it), by truth. */
export interface TruthCounts {
  /** All of them, fines included. */
  readonly pellets: number
  readonly ng: number
  readonly subSize: number
}

/** Truth about the pellets that end in some rows. */
export interface RowsTruth extends TruthCounts {
  /** The pellets by last row, where they were asked for. */
  readonly list: readonly PelletTruth[] | undefined
}

/** Truth about pellets of the scene; `list` costs what the pellets cost to describe. */
export function truthOf(pellets: readonly ScenePellet[], lostRows: LostRows, list: boolean): RowsTruth {
  return {
    pellets: pellets.length,
    ng: pellets.reduce((count, pellet) => count + (pellet.class === 'NG' ? 1 : 0), 0),
    subSize: pellets.reduce((count, pellet) => count + (pellet.class === 'subSize' ? 1 : 0), 0),
    list: list ? pellets.map((pellet) => withLoss(pelletTruth(pellet), lostRows)) : undefined,
  }
}

/** Marks a pellet that the camera lost rows of. */
export function withLoss(truth: PelletTruth, lostRows: LostRows): PelletTruth {
  const { y, height } = truth.box
  return lostRows.next(Math.max(0, y), y + height) === undefined ? truth : { ...truth, cutByLostRows: true }
}
