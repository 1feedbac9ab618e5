import { create } from '@bufbuild/protobuf'
import type { OpenIntake } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { type StripHeader, StripHeaderSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { Recipe } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { defaultMinSpeckContrast } from '../shared/inspection/speck-contrast.ts'
import type { StripSize } from './follow-area.ts'
import type { StripLight } from './follow-light.ts'
import type { ColumnSpan } from './merge-columns.ts'
import type { Assignment } from './watch-assignment.ts'

/** What a strip brings itself. */
export interface StripFacts {
  readonly strip: bigint
  readonly firstRow: bigint
  readonly rows: number
  readonly rowsLostBefore: bigint
  readonly exposedUnixNs: bigint
  readonly encoder: bigint
  readonly runEnds: boolean
}

/** What is in force when a strip is stamped. */
export interface StampContext {
  readonly plant: string
  readonly open: OpenIntake
  readonly assignment: Assignment
  readonly light: StripLight
  readonly size: StripSize
  readonly dirtyColumns: readonly ColumnSpan[]
  readonly smallestSpeckPx: number
  readonly calibration: string
}

/** Contrast from which a dark region of a recipe's pellets is a speck, 0..1. */
export function speckContrastOf({ minSpeckContrast }: Recipe): number {
  return minSpeckContrast === 0 ? defaultMinSpeckContrast : minSpeckContrast
}

/** The header by which a strip is segmented and judged: made once, carried unchanged by every repetition of the strip. */
export function stampHeader(facts: StripFacts, context: StampContext): StripHeader {
  const { plant, open, assignment, light, size, dirtyColumns, smallestSpeckPx, calibration } = context
  const { recipe, lot } = assignment
  const { strip, ...rest } = facts
  return create(StripHeaderSchema, {
    ...rest,
    key: { plant, line: open.line, camera: open.camera, run: open.run, strip },
    width: open.width,
    threshold: light.threshold,
    bedLevel: light.bedLevel,
    medianAreaPx: size.medianAreaPx,
    minAreaPx: recipe.minAreaPx,
    cropScale: recipe.cropScale,
    ...(open.optics === undefined ? {} : { optics: open.optics }),
    lot,
    recipe: recipe.id,
    recipeVersion: recipe.version,
    simulated: open.simulated,
    method: recipe.segmentationMethod,
    smallestSpeckPx,
    minSpeckContrast: speckContrastOf(recipe),
    calibration,
    lightState: light.state,
    sizeState: size.state,
    dirtyColumns: dirtyColumns.map(({ from, to }) => ({ from, to })),
  })
}

/**
 * The header of a strip that was stamped before, by a gateway that is gone: what that one had decided stays; what the camera and
 * this gateway's calibration say is of `fresh`, the header by which the strip would be stamped now.
 */
export function restoreHeader(stamp: StripHeader, fresh: StripHeader): StripHeader {
  const { key, width, optics, simulated, calibration } = fresh
  return create(StripHeaderSchema, { ...stamp, key, width, optics, simulated, calibration })
}
