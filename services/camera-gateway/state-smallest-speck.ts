import { calibratedOptics } from '../shared/calibration/calibrated-optics.ts'
import type { CalibrationProfile } from '../shared/calibration/calibration-profile.ts'
import { smallestSpeckPx, uncalibratedOptics } from '../shared/vision/smallest-speck.ts'
import type { CameraGatewayOptions } from './config.ts'

/** What the smallest speck depends on beside the camera: the recipe. */
export interface SpeckRecipe {
  /** Contrast from which a dark region is a speck, 0..1. */
  readonly contrast: number
  /** Area of the recipe's pellets, px. */
  readonly pelletAreaPx: number
}

/** Tells the smallest speck (a90/95, px) of a camera for a recipe; the last answer is kept, since strips ask for the same. */
export function createSpeckStatement(
  options: Pick<CameraGatewayOptions, 'speckProductGray' | 'speckFalseCallsPerMillion'>,
  calibration: CalibrationProfile | undefined,
): (recipe: SpeckRecipe) => number {
  const { speckProductGray: productGray, speckFalseCallsPerMillion: falseCallsPerMillion } = options
  const optics = calibration === undefined ? uncalibratedOptics : calibratedOptics(calibration, productGray)
  let last: (SpeckRecipe & { readonly px: number }) | undefined
  return ({ contrast, pelletAreaPx }) => {
    if (last === undefined || last.contrast !== contrast || last.pelletAreaPx !== pelletAreaPx) {
      const px = smallestSpeckPx(optics, { productGray, falseCallsPerMillion, contrast, pelletAreaPx })
      last = { contrast, pelletAreaPx, px }
    }
    return last.px
  }
}
