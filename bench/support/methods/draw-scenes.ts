import {
  createLineRenderer,
  type LineSettingsInput,
  resolveLineSettings,
} from '../../../services/line-simulator/index.ts'
import { outlineRadius } from '../../../services/line-simulator/pellet/outline.ts'
import type { ScenePellet } from '../../../services/line-simulator/scene/place-pellets.ts'
import { type ObjectMask, rasterisePolygons } from '../../../services/roi-segmentation/coco/rasterise-polygon.ts'
import { type DrawnImage, randomFrom } from '../../../services/roi-segmentation/kernel/drawn-image.ts'

/** A picture of a belt whose pellets are known. */
export interface Scene extends DrawnImage {
  readonly name: string
  /** What is hard about it, in a few words. */
  readonly about: string
  /** Pixels of every pellet that shows at least `smallestPx` of them. */
  readonly truth: readonly ObjectMask[]
  /** Median area of the pellets that nothing cuts, px. */
  readonly medianAreaPx: number
}

/** Light that is added to a pixel, gray levels. */
type AddedLight = (x: number, y: number) => number

interface SceneRecipe {
  readonly name: string
  readonly about: string
  readonly line?: LineSettingsInput
  readonly light?: (side: number) => AddedLight
}

/** Less of a pellet than this is not looked for. */
const smallestPx = 60

const recipes: readonly SceneRecipe[] = [
  { name: 'plain', about: 'the default line' },
  { name: 'touching', about: '240 pellets per Mpx, 40 % touch', line: { pelletsPerMpx: 240, clusterShare: 0.4 } },
  {
    name: 'low contrast',
    about: 'pellets of gray 75 on a bed of 40',
    line: { product: { gray: 75, graySpread: 4 }, optics: { bedGray: 40 } },
  },
  { name: 'mixed gray', about: 'gray differs by 45 from pellet to pellet', line: { product: { graySpread: 45 } } },
  { name: 'fall of light', about: 'the edges get 40 % of the light', line: { optics: { unevenLight: 0.6 } } },
  { name: 'blur', about: 'out of focus by 2.5 px', line: { optics: { blurPx: 2.5 } } },
  { name: 'noise', about: 'bed of 45 with noise of 14 gray levels', line: { optics: { bedGray: 45, readNoise: 14 } } },
  { name: 'texture', about: 'bed of 45 with a texture of 14', line: { optics: { bedGray: 45, bedTexture: 14 } } },
  { name: 'stray light', about: 'light rises by 90 across the belt', light: (side) => (x) => (90 * x) / side },
  { name: 'haze', about: 'patches of 70 to 110 gray levels, 250 px across', light: drawHaze },
  { name: 'stripes', about: 'bright seams of the belt, 8 px wide, 70 gray levels', light: () => drawStripes },
]

function drawHaze(side: number): AddedLight {
  const random = randomFrom(4)
  const patches = Array.from({ length: Math.round((6 * side * side) / 1e6) }, () => ({
    x: side * random(),
    y: side * random(),
    gray: 70 + 40 * random(),
  }))
  return (x, y) => {
    let light = 0
    for (const patch of patches) {
      const square = ((x - patch.x) ** 2 + (y - patch.y) ** 2) / 90 ** 2
      if (square < 9) light += patch.gray * Math.exp(-square)
    }
    return Math.min(120, light)
  }
}

function drawStripes(_: number, y: number): number {
  return y % 400 < 8 ? 70 : 0
}

/** Draws every scene, `side` px square; the same seed gives the same pictures. */
export function drawScenes(side: number, seed: number): Scene[] {
  return recipes.map((recipe) => drawScene(recipe, side, seed))
}

function drawScene({ name, about, line, light }: SceneRecipe, side: number, seed: number): Scene {
  const settings = resolveLineSettings({ ...line, width: side })
  const renderer = createLineRenderer({ settings, seed })
  const pixels = new Uint8Array(side * side)
  renderer.render(side, side, pixels)
  if (light !== undefined) {
    const added = light(side)
    for (let i = 0; i < pixels.length; i++)
      pixels[i] = Math.min(255, pixels[i]! + added(i % side, Math.floor(i / side)))
  }
  const pellets = renderer.pelletsEndingIn(side, side + 512)
  const masks = pellets.map((pellet) => rasterisePolygons([outlineOf(pellet, side)], side, side))
  const truth = masks.filter((mask): mask is ObjectMask => mask !== undefined && mask.area >= smallestPx)
  const areas = pellets.map(({ look }) => look.outline.areaPx).sort((a, b) => a - b)
  return { name, about, pixels, width: side, height: side, truth, medianAreaPx: areas[areas.length >> 1]! }
}

/** The outline as a polygon of 128 corners, rows from the picture's first. */
function outlineOf({ x, y, look }: ScenePellet, firstRow: number): Float64Array {
  const corners = 128
  const ring = new Float64Array(2 * corners)
  for (let k = 0; k < corners; k++) {
    const cos = Math.cos((2 * Math.PI * k) / corners)
    const sin = Math.sin((2 * Math.PI * k) / corners)
    const radius = outlineRadius(look.outline, look.rotation, cos, sin)
    ring[2 * k] = x + radius * cos
    ring[2 * k + 1] = y - firstRow + radius * sin
  }
  return ring
}
