import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { Tables, Transaction } from '../../shared/store/index.ts'
import { unassignedLotName } from './lot-names.ts'
import { takeRegistryTurn } from './take-turn.ts'

export interface EnsureLineOptions {
  readonly line: string
  /** Recipe of a line that was not known. */
  readonly recipe: string
  readonly nowNs: bigint
  /** Most lines; as many as come where absent. */
  readonly maxLines?: number
}

/**
 * Makes the line known, with its unassigned lot and the newest version of the recipe; true where it was not known before.
 * Throws `resource_exhausted` where it would be one more than `maxLines`.
 */
export async function ensureLine(
  transaction: Transaction<Tables>,
  { line, recipe, nowNs, maxLines }: EnsureLineOptions,
): Promise<boolean> {
  const known = await transaction.selectFrom('lines').select('id').where('id', '=', line).executeTakeFirst()
  if (known !== undefined) return false
  await takeRegistryTurn(transaction)
  if (maxLines !== undefined) await refuseOneMore(transaction, line, maxLines)
  const { version, material } = await transaction
    .selectFrom('recipes')
    .select(['version', 'body'])
    .where('id', '=', recipe)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()
    .then((row) => ({ version: row.version, material: String(JSON.parse(row.body).material ?? '') }))
  await transaction
    .insertInto('lots')
    .values({
      ...newLot({ name: unassignedLotName(line), line, recipe, recipeVersion: version, material, openedUnixNs: nowNs }),
      unassigned: true,
      note: 'Product of the line while no lot is open.',
    })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  const lot = await transaction
    .selectFrom('lots')
    .select('lot_id')
    .where('name', '=', unassignedLotName(line))
    .executeTakeFirstOrThrow()
  const inserted = await transaction
    .insertInto('lines')
    .values({ id: line, recipe, recipe_version: version, unassigned_lot_id: lot.lot_id, open_lot_id: null })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .execute()
  return inserted.length > 0
}

async function refuseOneMore(transaction: Transaction<Tables>, line: string, maxLines: number): Promise<void> {
  const { lines } = await transaction
    .selectFrom('lines')
    .select((eb) => eb.fn.countAll<bigint>().as('lines'))
    .executeTakeFirstOrThrow()
  if (Number(lines) < maxLines) return
  const message =
    `Line ${line} is not known and would be one more than the ${maxLines} lines that analytics takes; ` +
    'check the name, or raise maxLines of analytics.'
  throw new PelletlineError('resource_exhausted', message, { retryable: false })
}

export interface NewLot {
  readonly name: string
  readonly line: string
  readonly recipe: string
  readonly recipeVersion: number
  readonly material: string
  readonly openedUnixNs: bigint
  readonly externalJobId?: string
}

/** Row of a lot that opens now. */
export function newLot(lot: NewLot) {
  return {
    name: lot.name,
    line: lot.line,
    state: 1 as const,
    unassigned: false,
    recipe: lot.recipe,
    recipe_version: lot.recipeVersion,
    material: lot.material,
    external_job_id: lot.externalJobId ?? '',
    opened_unix_ns: lot.openedUnixNs,
    closing_unix_ns: 0n,
    closed_unix_ns: 0n,
    simulated: false,
    note: '',
  }
}
