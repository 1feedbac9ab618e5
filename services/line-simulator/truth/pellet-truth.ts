import { pelletBox, type ScenePellet } from '../scene/place-pellets.ts'

/** What is known about one simulated pellet; lengths in px, y in rows since the run began. */
export interface PelletTruth {
  /** Unique within the run. */
  readonly id: number
  /** Centre. */
  readonly x: number
  readonly y: number
  /** Whole pixels that the outline covers by at least half; it may reach over the edges of the sensor. */
  readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }
  readonly areaPx: number
  readonly equivalentDiameterPx: number
  /** NG: a speck at or above smallestSpeckPx and minContrast is seen; subSize: only smaller or fainter ones are. */
  readonly class: 'OK' | 'NG' | 'subSize'
  /** A pellet, two pellets welded together, or a fragment. */
  readonly kind: 'single' | 'twin' | 'fine'
  readonly specks: readonly SpeckTruth[]
  /** Pellets that touch share it: the id of one of them; null where the pellet lies alone. */
  readonly clusterId: number | null
  /** Some of its rows were lost by the camera. */
  readonly cutByLostRows: boolean
}

/** One speck by truth. */
export interface SpeckTruth {
  readonly x: number
  readonly y: number
  /** Diameter of the circle with the seen part's area, at half contrast. */
  readonly diameterPx: number
  /** 1 - gray of the speck / gray round it; below 0 for a light speck. */
  readonly contrast: number
  readonly place: 'rim' | 'inside'
}

/** The truth about a pellet of the scene, rounded to what a line of JSON needs. */
export function pelletTruth(pellet: ScenePellet, cutByLostRows = false): PelletTruth {
  const { areaPx } = pellet.look.outline
  return {
    id: pellet.id,
    x: rounded(pellet.x),
    y: rounded(pellet.y),
    box: pelletBox(pellet),
    areaPx: rounded(areaPx),
    equivalentDiameterPx: rounded(Math.sqrt((4 * areaPx) / Math.PI)),
    class: pellet.class,
    kind: pellet.look.kind,
    specks: pellet.specks.map((speck) => ({
      x: rounded(pellet.x + speck.x),
      y: rounded(pellet.y + speck.y),
      diameterPx: rounded(speck.diameterPx),
      contrast: rounded(speck.contrast),
      place: speck.place,
    })),
    clusterId: pellet.clusterId < 0 ? null : pellet.clusterId,
    cutByLostRows,
  }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
