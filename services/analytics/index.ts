export { type AnalyticsOptionsInput, analyticsOptionsSchema } from './config.ts'
export {
  type Analytics,
  analyticsGroup,
  type CreateAnalyticsOptions,
  createAnalytics,
  type LineReport,
} from './create-analytics.ts'
export { defaultRecipe } from './default-recipe.ts'
export type { CalibrationOf } from './lots/lot-figures.ts'
export { openCalibration } from './open-calibration.ts'
export { unassignedLotName } from './registry/lot-names.ts'
