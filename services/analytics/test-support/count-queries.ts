import type { Kysely, Tables } from '../../shared/store/index.ts'

/** The same database, with a count of the queries that go through it. */
export function countQueries(db: Kysely<Tables>) {
  const counted = { queries: 0 }
  const through = db.withPlugin({
    transformQuery({ node }) {
      counted.queries++
      return node
    },
    transformResult: async ({ result }) => result,
  })
  return { db: through, counted }
}
