import type { OpenLotRequest } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { Kysely, ReadTime, Tables } from '../../shared/store/index.ts'
import { newLot } from '../registry/ensure-line.ts'
import { unassignedPrefix } from '../registry/lot-names.ts'
import { readLatestRecipe } from '../registry/recipes.ts'
import { takeRegistryTurn } from '../registry/take-turn.ts'
import { lockLots } from './lock-lots.ts'
import type { LotRow } from './read-lots.ts'

/** Row of a lot by name; throws `not_found`. */
export async function readLotRow(db: Kysely<Tables>, name: string): Promise<LotRow> {
  const row = await db.selectFrom('lots').selectAll().where('name', '=', name).executeTakeFirst()
  if (row === undefined) throw unknownLot(name)
  return row
}

/** What a caller is told who names a lot that the books do not have. */
export function unknownLot(name: string): PelletlineError {
  return new PelletlineError('not_found', `Lot ${name} is not in the books. List the lots for the names that are.`)
}

/**
 * Opens a lot on a line. Throws as the proto says: `not_found` for line and recipe, `already_exists` for a used name,
 * `failed_precondition` while another lot is open; `invalid_argument` for a name that belongs to the plant.
 */
export async function openLot(db: Kysely<Tables>, request: OpenLotRequest, nowNs: bigint): Promise<LotRow> {
  const { lot: name, line, recipe, externalJobId } = request
  if (name.startsWith(unassignedPrefix)) {
    const description = `begins with "${unassignedPrefix}", which names product of a line without a lot; choose another name`
    throw new PelletlineError('invalid_argument', `Lot ${name} ${description}.`, {
      violations: [{ field: 'lot', description }],
    })
  }
  return db.transaction().execute(async (transaction) => {
    await takeRegistryTurn(transaction)
    const lineRow = await transaction
      .selectFrom('lines')
      .selectAll()
      .where('id', '=', line)
      .forUpdate()
      .executeTakeFirst()
    if (lineRow === undefined) {
      throw new PelletlineError(
        'not_found',
        `Line ${line} is not known. A line becomes known when its gateway starts; list the lines for those that are.`,
      )
    }
    const used = await transaction.selectFrom('lots').selectAll().where('name', '=', name).executeTakeFirst()
    if (used !== undefined) {
      const repeated = externalJobId !== '' && used.external_job_id === externalJobId && used.line === line
      if (repeated) return used
      throw new PelletlineError(
        'already_exists',
        `Lot ${name} was opened before on line ${used.line}. Choose a new name.`,
      )
    }
    if (lineRow.open_lot_id !== null) {
      const open = await transaction
        .selectFrom('lots')
        .select('name')
        .where('lot_id', '=', lineRow.open_lot_id)
        .executeTakeFirstOrThrow()
      throw new PelletlineError(
        'failed_precondition',
        `Line ${line} has lot ${open.name} open. Close it before opening lot ${name}.`,
      )
    }
    const chosen = await readLatestRecipe(transaction, recipe === '' ? lineRow.recipe : recipe)
    const inserted = await transaction
      .insertInto('lots')
      .values(
        newLot({
          name,
          line,
          recipe: chosen.id,
          recipeVersion: chosen.version,
          material: chosen.material,
          externalJobId,
          openedUnixNs: nowNs,
        }),
      )
      .returningAll()
      .executeTakeFirstOrThrow()
    await transaction
      .updateTable('lines')
      .set({ open_lot_id: inserted.lot_id, recipe: chosen.id, recipe_version: chosen.version })
      .where('id', '=', line)
      .execute()
    return inserted
  })
}

/**
 * Ends a lot: it is CLOSING, and its line is back at the unassigned lot with the newest version of the recipe. A lot that
 * is not open is answered as it is. Throws `not_found`, and `failed_precondition` for an unassigned lot.
 */
export async function closeLot(db: Kysely<Tables>, name: string, readTime: ReadTime): Promise<LotRow> {
  return db.transaction().execute(async (transaction) => {
    await takeRegistryTurn(transaction)
    const found = await readLotRow(transaction, name)
    if (found.unassigned) {
      throw new PelletlineError(
        'failed_precondition',
        `Lot ${name} collects product of line ${found.line} while no lot is open and stays open itself. Close a lot that was opened.`,
      )
    }
    const line = await transaction
      .selectFrom('lines')
      .selectAll()
      .where('open_lot_id', '=', found.lot_id)
      .executeTakeFirst()
    await lockLots(transaction, line === undefined ? [found.lot_id] : [found.lot_id, line.unassigned_lot_id])
    const lot = await transaction
      .updateTable('lots')
      .set({ state: 2, closing_unix_ns: await readTime(transaction) })
      .where('lot_id', '=', found.lot_id)
      .where('state', '=', 1)
      .returningAll()
      .executeTakeFirst()
    if (lot === undefined) return readLotRow(transaction, name)
    if (line !== undefined) {
      const recipe = await readLatestRecipe(transaction, line.recipe)
      await transaction
        .updateTable('lines')
        .set({ open_lot_id: null, recipe_version: recipe.version })
        .where('id', '=', line.id)
        .execute()
      await transaction
        .updateTable('lots')
        .set({ recipe: recipe.id, recipe_version: recipe.version, material: recipe.material })
        .where('lot_id', '=', line.unassigned_lot_id)
        .execute()
    }
    return lot
  })
}
