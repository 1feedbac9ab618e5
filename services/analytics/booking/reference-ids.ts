import type { ModelRef, StripKey } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { Kysely, Tables } from '../../shared/store/index.ts'

/** A bounded memory of what the database said once and never changes. */
export function createReferenceCache<T>(limit: number) {
  const known = new Map<string, T>()
  const cache = async (key: string, load: () => Promise<T>): Promise<T> => {
    const hit = known.get(key)
    if (hit !== undefined) return hit
    const value = await load()
    if (known.size >= limit) known.clear()
    known.set(key, value)
    return value
  }
  return Object.assign(cache, { forget: () => known.clear() })
}

/** Numbers of runs and models; they are given once and outlive any transaction, so they are made outside of it. */
export interface ReferenceIds {
  run(key: StripKey): Promise<number>
  model(model: ModelRef): Promise<number>
  /** Forgets what is known; it is asked again. */
  forget(): void
}

/** Creates the lookup of runs and models; what is not known yet gets its row. */
export function createReferenceIds(db: Kysely<Tables>): ReferenceIds {
  const runs = createReferenceCache<number>(10_000)
  const models = createReferenceCache<number>(10_000)
  return {
    run: ({ plant, line, camera, run }) =>
      runs(JSON.stringify([plant, line, camera, run]), async () => {
        const values = { plant, line, camera, run }
        await db
          .insertInto('runs')
          .values(values)
          .onConflict((conflict) => conflict.doNothing())
          .execute()
        const row = await db
          .selectFrom('runs')
          .select('run_id')
          .where((eb) => eb.and(values))
          .executeTakeFirst()
        return row?.run_id ?? missing('run', run)
      }),
    model: ({ id, sha256 }) =>
      models(`${id}/${sha256}`, async () => {
        const values = { manifest_id: id, sha256 }
        await db
          .insertInto('models')
          .values(values)
          .onConflict((conflict) => conflict.doNothing())
          .execute()
        const row = await db
          .selectFrom('models')
          .select('model_id')
          .where((eb) => eb.and(values))
          .executeTakeFirst()
        return row?.model_id ?? missing('model', id)
      }),
    forget() {
      runs.forget()
      models.forget()
    },
  }
}

function missing(what: string, name: string): never {
  throw new PelletlineError(
    'unavailable',
    `The row of ${what} ${name} has gone while it was in use; it is made anew at the next try.`,
  )
}
