import { create } from '@bufbuild/protobuf'
import { type LineAssignment, LineAssignmentSchema } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import type { Kysely, Tables } from '../../shared/store/index.ts'
import { readRecipe } from './recipes.ts'

/** Assignments in force, by name of the line; of one line where it is given. */
export async function readAssignments(db: Kysely<Tables>, line?: string): Promise<LineAssignment[]> {
  const rows = await db
    .selectFrom('lines')
    .innerJoin('lots', (join) =>
      join.on((eb) => eb('lots.lot_id', '=', eb.fn.coalesce('lines.open_lot_id', 'lines.unassigned_lot_id'))),
    )
    .select(['lines.id', 'lines.recipe', 'lines.recipe_version', 'lots.name'])
    .$if(line !== undefined, (query) => query.where('lines.id', '=', line ?? ''))
    .orderBy('lines.id')
    .execute()
  // Many lines run few recipes, and students ask for all of them every second.
  const recipes = new Map<string, ReturnType<typeof readRecipe>>()
  const recipeOf = (id: string, version: number) => {
    const name = `${version}/${id}`
    const recipe = recipes.get(name) ?? readRecipe(db, id, version)
    recipes.set(name, recipe)
    return recipe
  }
  return Promise.all(
    rows.map(async (row) =>
      create(LineAssignmentSchema, {
        line: row.id,
        lot: row.name,
        recipe: await recipeOf(row.recipe, row.recipe_version),
      }),
    ),
  )
}
