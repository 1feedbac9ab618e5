import { after, before } from 'node:test'
import { openDatabase, type Store } from '../../shared/store/index.ts'
import { startAnalytics } from './start-analytics.ts'

export type RunningAnalytics = Awaited<ReturnType<typeof startAnalytics>>

/** One database for a test file: opening one costs more than all else; each test has lines and lots of its own. */
export function useSharedDatabase() {
  let database: Store
  before(async () => {
    database = await openDatabase({ kind: 'pglite' })
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
