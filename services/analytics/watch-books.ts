import type { BookFollower } from './alerts/follow-books.ts'
import type { Monitor } from './alerts/monitor-lines.ts'

export interface BookWatchOptions {
  /** Whether this analytics decides, of those on a database. */
  readonly isLeading: () => Promise<boolean>
  readonly follower: Pick<BookFollower, 'next'>
  readonly monitor: Pick<Monitor, 'observe' | 'evaluate'>
  /** Called in every round, once the alert rules have seen what was booked or could not; does not reject. */
  readonly onRound: () => void | Promise<void>
  /** Counts and closes lots, and has changes published; called where this analytics decides. */
  readonly settle: () => Promise<void>
  /** Told of a round that failed; the next one does the same work again. */
  readonly onFailed: (reason: unknown) => void
}

/** Watches lots and alerts: one round at a time, as often as needed. */
export interface BookWatch {
  /** Resolves once what was booked before the call has been looked at, or a round has failed; does not reject. */
  look(): Promise<void>
  /** Resolves once no round is in progress. */
  idle(): Promise<void>
}

/** Most pages of bookings that are looked at before alerts are decided on and lots are settled. */
const roundPages = 100

/** Creates the watch: it follows the bookings without holding them up. */
export function createBookWatch(options: BookWatchOptions): BookWatch {
  const { isLeading, follower, monitor, onRound, settle, onFailed } = options
  let watching: Promise<void> | undefined
  let again = false

  const observeBooked = async () => {
    // One analytics of those on a database decides, on what all of them have booked.
    if (!(await isLeading())) return false
    for (let page = 1, more = true; more; page += 1) {
      const { parts, audits, hasMore } = await follower.next()
      monitor.observe({ parts, audits })
      more = hasMore && page < roundPages
      // Bookings may come as fast as they are read.
      if (hasMore && !more) again = true
    }
    await monitor.evaluate()
    return true
  }

  const watch = async () => {
    try {
      do {
        again = false
        if (await observeBooked().finally(onRound)) await settle()
      } while (again)
    } catch (reason) {
      onFailed(reason)
    } finally {
      watching = undefined
    }
  }

  return {
    look() {
      if (watching === undefined) watching = watch()
      else again = true
      return watching
    },
    idle: async () => watching,
  }
}
