import type { Recipe } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import { type FieldViolation, PelletlineError } from '../../shared/errors/pelletline-error.ts'

/**
 * Refuses a recipe that the proto's rules let pass and that cannot be meant, with `invalid_argument` and every violation: a
 * version, which the registry gives, and limits of shape by which most good pellets are none.
 */
export function checkRecipe(recipe: Recipe): void {
  const violations: FieldViolation[] = []
  if (recipe.version !== 0) {
    const description = `is ${recipe.version}; leave it 0, the registry gives the next version`
    violations.push({ field: 'recipe.version', description })
  }
  const limits = [
    ['tail_length', recipe.shape?.tailLength ?? 0, 'no pellet is shorter than it is wide'],
    ['twin_area', recipe.shape?.twinArea ?? 0, 'half of the pellets are larger than the median'],
  ] as const
  for (const [name, limit, why] of limits) {
    if (limit === 0 || limit >= 1) continue
    const description = `is ${limit}; valid is 0, which stands for the default, or at least 1, since ${why}`
    violations.push({ field: `recipe.shape.${name}`, description })
  }
  const [first] = violations
  if (first === undefined) return
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : ''
  throw new PelletlineError('invalid_argument', `${first.field} ${first.description}${more}.`, { violations })
}
