import { matchObjects } from '../../../services/roi-segmentation/coco/match-objects.ts'
import { rasterisePolygons } from '../../../services/roi-segmentation/coco/rasterise-polygon.ts'
import { createSegmenter } from '../../../services/roi-segmentation/index.ts'
import type { SegmentationMethod, SegmentationSettings } from '../../../services/roi-segmentation/kernel/types.ts'
import { addToHistogram, createGrayHistogram, estimateLight } from '../../../services/shared/vision/index.ts'
import type { Scene } from './draw-scenes.ts'

/** How a method's outlines agree with the truth of a scene, at an IoU of at least 0.5. */
export interface Agreement {
  readonly truth: number
  readonly found: number
  readonly matched: number
  readonly recall: number
  readonly precision: number
  /** Mean IoU of the matched. */
  readonly meanIou: number
  /** Mean of found over true area of the matched, less 1. */
  readonly areaBias: number
}

/** Settings as a gateway would stamp them: light from the histogram, the median area that the lot has. */
export function settingsFor(scene: Scene, method: SegmentationMethod): SegmentationSettings {
  const histogram = createGrayHistogram()
  addToHistogram(histogram, scene.pixels)
  const { threshold, bedLevel } = estimateLight(histogram, { polarity: 'light-on-dark' })
  return {
    threshold,
    bedLevel,
    method,
    medianAreaPx: scene.medianAreaPx,
    minAreaPx: Math.ceil(0.2 * scene.medianAreaPx),
    cropScale: 1,
    maxPelletRows: 1024,
    maxPelletsPerStrip: 20_000,
  }
}

/** Segments the scene as one run and compares all that is reported, judged or not, with the truth. */
export function compareOutlines(scene: Scene, settings: SegmentationSettings): Agreement {
  const { width, height: rows, pixels, truth } = scene
  const segmenter = createSegmenter({ width, outlines: true })
  const strips = [
    segmenter.push({ pixels, width, rows, firstRow: 0, rowsLostBefore: 0 }, settings),
    segmenter.flush(settings),
  ]
  const found = strips.flatMap(({ outlines = [] }) => outlines.map((rings) => rasterisePolygons(rings, width, rows)))
  const matches = matchObjects(truth, found, 0.5)
  const mean = (sum: number) => (matches.length === 0 ? 0 : sum / matches.length)
  return {
    truth: truth.length,
    found: found.length,
    matched: matches.length,
    recall: matches.length / truth.length,
    precision: found.length === 0 ? 1 : matches.length / found.length,
    meanIou: mean(matches.reduce((sum, { iou }) => sum + iou, 0)),
    areaBias: mean(
      matches.reduce((sum, { annotated, found: at }) => sum + found[at]!.area / truth[annotated]!.area - 1, 0),
    ),
  }
}
