import {
  createLineRenderer,
  type LineSettingsInput,
  type PelletTruth,
  resolveLineSettings,
} from '../../../services/line-simulator/index.ts'
import { outlineBounds } from '../../../services/line-simulator/pellet/outline.ts'
import type { ScenePellet } from '../../../services/line-simulator/scene/place-pellets.ts'
import { pelletTruth } from '../../../services/line-simulator/truth/pellet-truth.ts'
import type { SegmentationSettings } from '../../../services/roi-segmentation/kernel/types.ts'
import { PelletlineError } from '../../../services/shared/errors/pelletline-error.ts'
import {
  addToHistogram,
  createGrayHistogram,
  estimateLight,
  estimateSize,
  findComponents,
} from '../../../services/shared/vision/index.ts'

/** Pixels across the sensor of every strip, the widest that a camera of today has at line rate. */
export const stripWidth = 8192

/** What a strip is simulated from. */
export interface StripScene {
  readonly name: string
  /** A multiple of 512: the strip can follow itself then. */
  readonly rows: number
  /** Wanted; a strip holds what fits. */
  readonly pelletsPerMpx: number
  /** Share of the pellets in clusters that touch. */
  readonly clusterShare: number
  readonly seed: number
  readonly medianDiameterPx?: number
}

/** Truth about one pellet of a strip. */
export interface StripTruth extends PelletTruth {
  /** Edges of the outline before it meets the pixels, px and rows of the strip. */
  readonly edges: { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number }
  /** It carries a thin tail, which belongs to no measure. */
  readonly tailed: boolean
}

/** A strip of the simulated belt with what lies on it. */
export interface SimulatedStrip {
  readonly name: string
  /** stripWidth * rows bytes in shared memory, row-major, bright polarity. */
  readonly pixels: Uint8Array
  readonly rows: number
  /** Pellets whose last row lies in the strip, rows counted from the strip's first: those cut by it begin below 0. */
  readonly truth: readonly StripTruth[]
  /** Groups of pellets that touch, and the pellets in them. */
  readonly clusters: number
  readonly touching: number
}

/**
 * Renders a strip that can follow itself for ever without a seam: a lap of a belt that repeats, the second one, so that
 * pellets lie across its first row as across its last.
 */
export function simulateStrip(scene: StripScene): SimulatedStrip {
  const { name, rows, pelletsPerMpx, clusterShare, seed, medianDiameterPx } = scene
  const input: LineSettingsInput = {
    preset: 'wide',
    pelletsPerMpx,
    clusterShare,
    // Sprites of a pool lie on whole pixels; the truth about places is to be exact.
    spritePool: 0,
    ...(medianDiameterPx === undefined ? {} : { product: { medianDiameterPx } }),
  }
  const settings = resolveLineSettings(input)
  const renderer = createLineRenderer({ settings, seed, periodBands: rows / 256 })
  const pixels = new Uint8Array(new SharedArrayBuffer(stripWidth * rows))
  renderer.render(rows, rows, pixels)
  const truth = renderer.pelletsEndingIn(rows, rows).map((pellet) => describePellet(pellet, rows))
  const touching = truth.filter(({ clusterId }) => clusterId !== null)
  const clusters = new Set(touching.map(({ clusterId }) => clusterId)).size
  return { name, pixels, rows, truth, clusters, touching: touching.length }
}

function describePellet(pellet: ScenePellet, firstRow: number): StripTruth {
  const { look } = pellet
  const bounds = outlineBounds(look.outline, look.rotation)
  const moved = { ...pellet, y: pellet.y - firstRow }
  return {
    ...pelletTruth(moved),
    edges: {
      left: moved.x + bounds.left,
      right: moved.x + bounds.right,
      top: moved.y + bounds.top,
      bottom: moved.y + bounds.bottom,
    },
    tailed: look.tail !== undefined,
  }
}

/**
 * Settings for a strip as a gateway would stamp them: threshold, bed and median area seen in its pixels; specks from 3 px on,
 * the smallest that the simulator calls a defect.
 */
export function settingsFor({ pixels, rows }: Pick<SimulatedStrip, 'pixels' | 'rows'>): SegmentationSettings {
  const histogram = createGrayHistogram()
  addToHistogram(histogram, pixels)
  const { threshold, bedLevel } = estimateLight(histogram, { polarity: 'light-on-dark' })
  const size = estimateSize(findComponents(pixels, stripWidth, rows, threshold))
  if (size === undefined) {
    throw new PelletlineError('internal', 'No pellet is seen in the simulated strip; give the settings of another one.')
  }
  return {
    threshold,
    bedLevel,
    medianAreaPx: size.medianAreaPx,
    minAreaPx: 60,
    cropScale: 1,
    maxPelletRows: 1024,
    maxPelletsPerStrip: 20_000,
    smallestSpeckPx: 3,
  }
}
