import { edgeComponentLevel } from '../../../shared/strips/component-level.ts'
import type { SegmentationSettings } from '../types.ts'

/** Gray level and gradients by which pellets are looked for by their edges. */
export interface EdgeLevels {
  /** Gray level 0..255: Canny runs around components of pixels above it. */
  readonly componentLevel: number
  /** Square of the gradient (`measureGradient`'s unit) from which an edge is certain. */
  readonly strong: number
  /** Square of the gradient from which what continues a certain edge is edge. */
  readonly weak: number
}

/** An edge is certain from a step of this share of the way from the bed to the threshold on ... */
const strongShare = 0.5
/** ... and goes on with this share of that gradient: Canny (1986, section VIII) has 1/3 to 1/2. */
const weakShare = 0.4
/** No edge is seen in a smaller step, in gray levels: eight-bit noise and rounding. */
const smallestStep = 4
/**
 * Gradient of a sharp straight step of one gray level: the binomial blur leaves 5/16 and 11/16 of it on its two sides and
 * 1/16, 15/16 one pixel further, the central difference there is 10/16, Sobel's weights make it 4 times that, the unit 1/16.
 */
const gradientOfStep = 40

/**
 * Levels that follow from a strip's bed level and threshold alone. The threshold lies half way between bed and pellets, so
 * components begin at a sixth of a usual pellet's contrast: high enough for a bed with noise to fall into dust, low enough
 * for a pellet with a third of that contrast, or with a dark rim, to be one component up to its edge. A certain edge has a
 * quarter of it.
 */
export function edgeLevels({ threshold, bedLevel = 0 }: SegmentationSettings): EdgeLevels {
  const rise = Math.max(0, threshold - bedLevel)
  const strong = gradientOfStep * Math.max(smallestStep, strongShare * rise)
  return {
    componentLevel: edgeComponentLevel(threshold, bedLevel),
    strong: strong ** 2,
    weak: (weakShare * strong) ** 2,
  }
}
