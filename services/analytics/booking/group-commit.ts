import { PelletlineError } from '../../shared/errors/pelletline-error.ts'

export interface GroupCommitOptions<Entry, Result> {
  /** Most entries of one transaction. */
  readonly maxEntries: number
  /** How long the first entry waits for company, ms. */
  readonly lingerMs: number
  /** Writes entries in one transaction. */
  readonly commit: (entries: readonly Entry[]) => Promise<Result>
  /** Called after each commit, before the entries are answered. */
  readonly onCommitted: (result: Result) => void
}

/**
 * Writes what is in flight together. `write` resolves after the commit that holds the entry. One commit runs at a time
 * and what comes meanwhile goes into the next, so the group grows with the load. An entry that the database refuses fails
 * alone: a failed group is written one by one. The number waiting is bounded by the callers (a bus's maxInFlight).
 */
export function createGroupCommit<Entry, Result>(options: GroupCommitOptions<Entry, Result>) {
  const { maxEntries, lingerMs, commit, onCommitted } = options
  interface Waiting {
    readonly entry: Entry
    readonly resolve: () => void
    readonly reject: (reason: unknown) => void
  }
  const waiting: Waiting[] = []
  let running: Promise<void> | undefined

  const attempt = async (group: readonly Waiting[]): Promise<void> => {
    let result: Result
    try {
      result = await commit(group.map(({ entry }) => entry))
    } catch (reason) {
      const error = PelletlineError.from(reason)
      if (group.length === 1 || error.retryable) {
        for (const { reject } of group) reject(error)
        return
      }
      for (const one of group) await attempt([one])
      return
    }
    onCommitted(result)
    for (const { resolve } of group) resolve()
  }

  const run = async () => {
    if (lingerMs > 0) await new Promise((resolve) => setTimeout(resolve, lingerMs))
    while (waiting.length > 0) await attempt(waiting.splice(0, maxEntries))
    running = undefined
  }

  return {
    write(entry: Entry): Promise<void> {
      return new Promise((resolve, reject) => {
        waiting.push({ entry, resolve, reject })
        running ??= run()
      })
    },
    /** Resolves once nothing is waiting or being written. */
    async settle(): Promise<void> {
      while (running !== undefined) await running
    },
  }
}
