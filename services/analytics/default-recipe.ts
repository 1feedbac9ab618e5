import type { MessageInitShape } from '@bufbuild/protobuf'
import type { RecipeSchema } from '../gen/pelletline/registry/v1/registry_pb.ts'

/** Everything of a recipe but its version, which the registry gives. */
export type RecipeSettings = Omit<MessageInitShape<typeof RecipeSchema> & object, '$typeName' | 'version'>

/**
 * The recipe of a line that nobody has set up. Pellets of about 35 px at the usual optics; a disagreement of 2 % is far
 * above what a healthy student shows on whole product, so a minute without a fault raises nothing.
 */
export const defaultRecipe = {
  id: 'default',
  material: '',
  minAreaPx: 150,
  nominalAreaPx: 950,
  cropScale: 1,
  audit: { ngRate: 0.5, nearThresholdRate: 0.5, nearThresholdBand: 2.0, baseRate: 0.01, partBudget: 1 },
  disagreementLimit: 0.02,
  disagreementHysteresis: 0.5,
  disagreementWindow: 400,
  rowsLostLimit: 0.01,
} as const satisfies RecipeSettings

/** What the alerts need beside a recipe's limits. */
export const defaultAlertSettings = {
  /** Fewest audited pellets in the window before anything is said about disagreement; the window where it is less. */
  minAudited: 60,
  /** Audited pellets older than this leave the window, ms. */
  maxWindowAgeMs: 30 * 60_000,
  /** Confidence of the one-sided lower limit that must pass the recipe's limit. */
  confidence: 0.95,
  /** Rows in the window of lost rows, and the fewest before anything is said. */
  rowsWindow: 200_000,
  minRows: 20_000,
  /** An alert on lost rows resolves below limit times this. */
  rowsLostHysteresis: 0.5,
  /** Newest strips of a line whose headers are looked at for dirt and light, and the fewest before anything is said. */
  stripsWindow: 60,
  minStrips: 30,
  /** Share of these strips with dirty columns, and with light or sizes lost, above which there is an alert. */
  dirtLimit: 0.5,
  lightLimit: 0.5,
  /** Both resolve below limit times this. */
  stripsHysteresis: 0.2,
} as const
