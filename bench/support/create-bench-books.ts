import { createBookBatch } from '../../services/analytics/booking/book-batch.ts'
import type { BookingEntry } from '../../services/analytics/booking/entries.ts'
import { createReferenceIds } from '../../services/analytics/booking/reference-ids.ts'
import { createShapeLimits } from '../../services/analytics/booking/shape-limits.ts'
import { defaultRecipe } from '../../services/analytics/default-recipe.ts'
import { createLotFinder } from '../../services/analytics/lots/find-lot.ts'
import { ensureRecipe } from '../../services/analytics/registry/recipes.ts'
import { addMeasures } from '../../services/analytics/test-support/add-measures.ts'
import { makeVerdicts } from '../../services/analytics/test-support/make-messages.ts'
import { systemClock } from '../../services/shared/service/clock.ts'
import type { Store } from '../../services/shared/store/index.ts'

/** The books of a store, and messages for them. */
export interface BenchBooks {
  /** Messages of one transaction: strips that were not booked before. */
  prepare(): BookingEntry[]
  book(entries: readonly BookingEntry[]): Promise<unknown>
}

/** Creates the books of analytics on a store, as the service makes them, fed with strips of one part each. */
export async function createBenchBooks(
  { db }: Store,
  { parts, pellets }: { readonly parts: number; readonly pellets: number },
): Promise<BenchBooks> {
  const nowNs = () => systemClock.nowNs()
  await ensureRecipe(db, defaultRecipe, nowNs())
  const findLot = createLotFinder({ db, defaultRecipeId: defaultRecipe.id, nowNs, onCreated: () => undefined })
  const shapeLimitsOf = createShapeLimits({ db, onUnknown: () => undefined })
  const book = createBookBatch({ db, ids: createReferenceIds(db), findLot, shapeLimitsOf, nowNs })
  const letters = 'n'.repeat(Math.min(2, pellets)) + 'o'.repeat(Math.max(0, pellets - 2))
  let strip = 0
  return {
    prepare: () =>
      Array.from({ length: parts }, () => {
        const plan = { line: 'line-1', lot: 'lot-1', strip: strip++, parts: [letters] }
        const [message] = makeVerdicts(plan).map(addMeasures)
        if (message === undefined) throw new TypeError('A strip of one part has one message.')
        return { kind: 'verdicts' as const, message }
      }),
    book,
  }
}
