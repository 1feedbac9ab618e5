import type { Kysely, Tables } from '../../shared/store/index.ts'
import { createReferenceCache } from '../booking/reference-ids.ts'
import { ensureLine, newLot } from '../registry/ensure-line.ts'

/** What booking needs of a lot; none of it ever changes. */
export interface LotReference {
  readonly lotId: bigint
  readonly name: string
  readonly line: string
}

export interface StampedLot {
  readonly name: string
  readonly line: string
  readonly recipe?: string
  readonly recipeVersion?: number
}

export interface LotFinderOptions {
  readonly db: Kysely<Tables>
  readonly defaultRecipeId: string
  readonly nowNs: () => bigint
  /** Called after a lot or line had to be made. */
  readonly onCreated: (lot: LotReference) => void
}

/**
 * Finds the lot that a strip is stamped with. A lot that the books do not know (their history was lost, or the gateway
 * counts on another analytics) is created as open with a note, under its own name, so that no count is lost.
 */
export function createLotFinder({ db, defaultRecipeId, nowNs, onCreated }: LotFinderOptions) {
  const cache = createReferenceCache<LotReference>(10_000)
  const read = async (name: string): Promise<LotReference | undefined> => {
    const row = await db.selectFrom('lots').select(['lot_id', 'line']).where('name', '=', name).executeTakeFirst()
    return row === undefined ? undefined : { lotId: row.lot_id, name, line: row.line }
  }
  const find = (stamped: StampedLot): Promise<LotReference> =>
    cache(stamped.name, async () => {
      const found = await read(stamped.name)
      if (found !== undefined) return found
      const openedUnixNs = nowNs()
      await db.transaction().execute(async (transaction) => {
        await ensureLine(transaction, { line: stamped.line, recipe: defaultRecipeId, nowNs: openedUnixNs })
        await transaction
          .insertInto('lots')
          .values({
            ...newLot({
              name: stamped.name,
              line: stamped.line,
              recipe: stamped.recipe ?? '',
              recipeVersion: stamped.recipeVersion ?? 0,
              material: '',
              openedUnixNs,
            }),
            note: 'Created from strips that were stamped with it: these books had no record of its opening.',
          })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .execute()
      })
      const created = await read(stamped.name)
      if (created === undefined) throw new TypeError(`Lot ${stamped.name} was inserted and is not there.`)
      onCreated(created)
      return created
    })
  return Object.assign(find, { forget: () => cache.forget() })
}

export type LotFinder = ReturnType<typeof createLotFinder>
