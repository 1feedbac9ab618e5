import { create } from '@bufbuild/protobuf'
import { type LineAssignment, LineAssignmentSchema } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import type { Kysely, Tables } from '../../shared/store/index.ts'
import { readRecipes } from './recipes.ts'

/** Assignments in force, by name of the line. */
export async function readAssignments(db: Kysely<Tables>): Promise<LineAssignment[]> {
  const rows = await db
    .selectFrom('lines')
    .innerJoin('lots', (join) =>
      join.on((eb) => eb('lots.lot_id', '=', eb.fn.coalesce('lines.open_lot_id', 'lines.unassigned_lot_id'))),
    )
    .select(['lines.id', 'lines.recipe', 'lines.recipe_version', 'lots.name'])
    .orderBy('lines.id')
    .execute()
  // Many lines run few recipes.
  const recipeOf = await readRecipes(
    db,
    rows.map((row) => ({ id: row.recipe, version: row.recipe_version })),
  )
  return rows.map((row) =>
    create(LineAssignmentSchema, { line: row.id, lot: row.name, recipe: recipeOf(row.recipe, row.recipe_version) }),
  )
}
