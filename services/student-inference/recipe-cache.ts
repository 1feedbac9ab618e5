import type { AuditSampling, Recipe, RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import type { ServiceClient } from '../shared/rpc/types.ts'

export interface RecipeCacheOptions {
  readonly registry: Pick<ServiceClient<typeof RegistryService>, 'getRecipe'>
  /** Recipe versions that are kept; the one that was not used for longest goes first. */
  readonly limit: number
  /** Patience with the registry, ms. */
  readonly timeoutMs: number
}

/** A recipe with its audit sampling there. */
export type RecipeWithAudit = Recipe & { readonly audit: AuditSampling }

/** Recipes by id and version. A stored version never changes, so what is known is never asked for again. */
export interface RecipeCache {
  /**
   * The recipe; one question to the registry at a time, whoever asks. Rejects with `failed_precondition` where the registry
   * does not know the version or answers it without its audit sampling, with a retryable `unavailable` where it does not answer.
   */
  get(id: string, version: number): Promise<RecipeWithAudit>
}

/** Creates an empty cache. */
export function createRecipeCache(options: RecipeCacheOptions): RecipeCache {
  const { registry, limit, timeoutMs } = options
  const known = new Map<string, Promise<RecipeWithAudit>>()

  async function ask(id: string, version: number): Promise<RecipeWithAudit> {
    const what = `Recipe ${id} version ${version}`
    const { recipe } = await registry.getRecipe({ id, version }, { timeoutMs }).catch((thrown) => {
      const error = PelletlineError.from(thrown, 'unavailable')
      if (error.code === 'not_found' || error.code === 'invalid_argument') {
        const text = `${what} is not in the registry (${error.message}); store it, then replay the dead letters.`
        throw new PelletlineError('failed_precondition', text, { cause: error })
      }
      const text = `${what} could not be read from the registry (${error.message}); it is asked for again.`
      throw new PelletlineError('unavailable', text, {
        cause: error,
        ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      })
    })
    if (recipe?.audit === undefined) {
      const text = `The registry answered ${what} without its audit sampling; look at the registry, then replay the dead letters.`
      throw new PelletlineError('failed_precondition', text)
    }
    return recipe as RecipeWithAudit
  }

  return {
    get(id, version) {
      const key = `${version}/${id}`
      const found = known.get(key)
      known.delete(key)
      const recipe = found ?? ask(id, version)
      known.set(key, recipe)
      // Only what the registry has answered is remembered.
      if (found === undefined) recipe.catch(() => known.get(key) === recipe && known.delete(key))
      if (known.size > limit) known.delete(known.keys().next().value!)
      return recipe
    },
  }
}
