import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { completeShapeLimits, type ShapeLimits } from '../../shared/inspection/classify-shape.ts'
import type { Kysely, Tables } from '../../shared/store/index.ts'
import { readRecipe } from '../registry/recipes.ts'
import { createReferenceCache } from './reference-ids.ts'

export interface ShapeLimitsOptions {
  readonly db: Kysely<Tables>
  /** Called once for a recipe that strips are stamped with and the books do not know. */
  readonly onUnknown: (recipe: string, version: number) => void
}

/** Limits of shape of one version of a recipe; undefined where the books do not know it. */
export type ShapeLimitsOf = (recipe: string, version: number) => Promise<ShapeLimits | undefined>

/** Most recipes that are remembered as told. */
const maxTold = 1_000

/** Creates the lookup of shape limits; what is known is kept, since a stored version of a recipe never changes. */
export function createShapeLimits({ db, onUnknown }: ShapeLimitsOptions): ShapeLimitsOf {
  const cache = createReferenceCache<ShapeLimits>(1_000)
  const told = new Set<string>()
  return async (recipe, version) => {
    const key = `${recipe}/${version}`
    try {
      return await cache(key, async () => {
        if (version === 0) throw new PelletlineError('not_found', `Recipe ${recipe} was stamped without a version.`)
        return completeShapeLimits((await readRecipe(db, recipe, version)).shape)
      })
    } catch (reason) {
      if (PelletlineError.from(reason).code !== 'not_found') throw reason
      if (!told.has(key) && told.size < maxTold) {
        told.add(key)
        onUnknown(recipe, version)
      }
      return undefined
    }
  }
}
