import { after, before } from 'node:test'
import { openDatabase, type Store } from '../../shared/store/index.ts'
import { usePostgres } from '../../shared/store/test-support/use-postgres.ts'
import { startAnalytics } from './start-analytics.ts'

export type RunningAnalytics = Awaited<ReturnType<typeof startAnalytics>>

/** Engines on which analytics keeps its books. */
export const engines = ['PGlite', 'PostgreSQL'] as const

/**
 * One database for a test file or a suite: opening one costs more than all else; each test has lines and lots of its own.
 */
export function useSharedDatabase(engine: (typeof engines)[number] = 'PGlite') {
  let database: Store
  const server = engine === 'PGlite' ? undefined : usePostgres()
  before(async () => {
    database = await openDatabase(server === undefined ? { kind: 'pglite' } : await server.createDatabase())
  })
  after(() => database.close())

  /** Runs analytics on the file's database for the length of a test. */
  return async function withAnalytics(
    run: (running: RunningAnalytics) => Promise<void>,
    options: Parameters<typeof startAnalytics>[0] = {},
  ): Promise<void> {
    const running = await startAnalytics({ database, ...options })
    try {
      await run(running)
    } finally {
      await running.stop()
    }
  }
}
