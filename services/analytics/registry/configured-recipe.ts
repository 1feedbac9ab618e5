import { SegmentationMethod } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { AnalyticsOptions } from '../config.ts'
import type { RecipeSettings } from '../default-recipe.ts'

const methods = { regions: SegmentationMethod.REGIONS, edges: SegmentationMethod.EDGES } as const

/**
 * The recipe of a configuration as it is stored. What the configuration leaves out stays unset, so that the defaults of the
 * proto hold and a recipe that was stored before a field existed is still the same.
 */
export function toRecipeSettings(configured: AnalyticsOptions['defaultRecipe']): RecipeSettings {
  const { ngThreshold, segmentationMethod, minSpeckContrast, shape, referenceGray, ...rest } = configured
  return {
    ...rest,
    ...(ngThreshold === undefined ? {} : { ngThreshold }),
    ...(segmentationMethod === undefined ? {} : { segmentationMethod: methods[segmentationMethod] }),
    ...(minSpeckContrast === undefined ? {} : { minSpeckContrast }),
    ...(shape === undefined
      ? {}
      : {
          shape: {
            finesDiameter: shape.finesDiameter ?? 0,
            tailLength: shape.tailLength ?? 0,
            twinArea: shape.twinArea ?? 0,
          },
        }),
    ...(referenceGray === undefined ? {} : { referenceGray }),
  }
}
