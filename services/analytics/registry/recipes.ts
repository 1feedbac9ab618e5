import { create, equals, fromJson, type JsonValue, toJson } from '@bufbuild/protobuf'
import { type Recipe, RecipeSchema } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { Kysely, Tables, Transaction } from '../../shared/store/index.ts'
import type { RecipeSettings } from '../default-recipe.ts'
import { lockLots } from '../lots/lock-lots.ts'
import { takeRegistryTurn } from './take-turn.ts'

function parse(row: { readonly body: string; readonly version: number }): Recipe {
  const recipe = fromJson(RecipeSchema, JSON.parse(row.body) as JsonValue, { ignoreUnknownFields: true })
  recipe.version = row.version
  return recipe
}

/** Newest version of a recipe; throws `not_found`. */
export async function readLatestRecipe(db: Kysely<Tables>, id: string): Promise<Recipe> {
  const row = await db
    .selectFrom('recipes')
    .selectAll()
    .where('id', '=', id)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (row === undefined) {
    throw new PelletlineError('not_found', `Recipe ${id} is not known. Store it first, or use a recipe that is.`)
  }
  return parse(row)
}

/** One version of a recipe, the newest where `version` is 0; throws `not_found`. */
export async function readRecipe(db: Kysely<Tables>, id: string, version: number): Promise<Recipe> {
  if (version === 0) return readLatestRecipe(db, id)
  const row = await db
    .selectFrom('recipes')
    .selectAll()
    .where('id', '=', id)
    .where('version', '=', version)
    .executeTakeFirst()
  if (row === undefined) {
    const newest = await readLatestRecipe(db, id)
    throw new PelletlineError('not_found', `Recipe ${id} has no version ${version}; the newest is ${newest.version}.`)
  }
  return parse(row)
}

/**
 * Reads several versions of recipes at once; the returned function answers one of them, and throws `not_found` for one that the
 * books do not have.
 */
export async function readRecipes(
  db: Kysely<Tables>,
  wanted: readonly { readonly id: string; readonly version: number }[],
): Promise<(id: string, version: number) => Recipe> {
  const nameOf = (id: string, version: number) => `${version}/${id}`
  const distinct = [...new Map(wanted.map((recipe) => [nameOf(recipe.id, recipe.version), recipe])).values()]
  const rows =
    distinct.length === 0
      ? []
      : await db
          .selectFrom('recipes')
          .select(['id', 'version', 'body'])
          .where(({ eb, refTuple, tuple }) =>
            eb(
              refTuple('id', 'version'),
              'in',
              distinct.map(({ id, version }) => tuple(id, version)),
            ),
          )
          .execute()
  const found = new Map(rows.map((row) => [nameOf(row.id, row.version), parse(row)]))
  return (id, version) => {
    const recipe = found.get(nameOf(id, version))
    if (recipe === undefined) throw new PelletlineError('not_found', `Recipe ${id} has no version ${version}.`)
    return recipe
  }
}

/** Stores the next version of a recipe and answers it. */
export async function storeRecipe(db: Kysely<Tables>, recipe: Recipe | RecipeSettings, nowNs: bigint): Promise<Recipe> {
  return db.transaction().execute(async (transaction) => {
    await takeRegistryTurn(transaction)
    return storeNext(transaction, recipe, nowNs)
  })
}

/** As `storeRecipe`, within a transaction that has its turn. */
async function storeNext(
  transaction: Transaction<Tables>,
  recipe: Recipe | RecipeSettings,
  nowNs: bigint,
): Promise<Recipe> {
  const next = create(RecipeSchema, recipe)
  const id = next.id
  const last = await transaction
    .selectFrom('recipes')
    .select((eb) => eb.fn.max('version').as('version'))
    .where('id', '=', id)
    .executeTakeFirst()
  next.version = (last?.version ?? 0) + 1
  await transaction
    .insertInto('recipes')
    .values({ id, version: next.version, body: JSON.stringify(toJson(RecipeSchema, next)), stored_unix_ns: nowNs })
    .execute()
  // A lot keeps the version by which it was opened; a line without one is judged by the newest.
  const lines = await transaction
    .updateTable('lines')
    .set({ recipe_version: next.version })
    .where('recipe', '=', id)
    .where('open_lot_id', 'is', null)
    .returning('unassigned_lot_id')
    .execute()
  const lots = lines.map((line) => line.unassigned_lot_id)
  if (lots.length > 0) {
    await lockLots(transaction, lots)
    await transaction
      .updateTable('lots')
      .set({ recipe_version: next.version, material: next.material })
      .where('lot_id', 'in', lots)
      .execute()
  }
  return next
}

/**
 * Stores the recipe as version 1 where no version of it is known. False where versions are known and none of them is this
 * one: those hold, since a stored recipe is changed by storing the next version only.
 */
export async function ensureRecipe(db: Kysely<Tables>, recipe: RecipeSettings, nowNs: bigint): Promise<boolean> {
  const wanted = create(RecipeSchema, recipe)
  return db.transaction().execute(async (transaction) => {
    await takeRegistryTurn(transaction)
    const rows = await transaction
      .selectFrom('recipes')
      .select(['body', 'version'])
      .where('id', '=', wanted.id)
      .execute()
    if (rows.length === 0) await storeNext(transaction, wanted, nowNs)
    return rows.length === 0 || rows.some((row) => equals(RecipeSchema, { ...parse(row), version: 0 }, wanted))
  })
}
