import type { Clock } from '../service/clock.ts'

export interface RepeatLimitOptions {
  /** Shortest time between two lines that are passed on of those that differ by numbers alone, ms. */
  readonly everyMs: number
  readonly clock: Pick<Clock, 'now'>
  /** Takes a line, and how many like it were left out before it. */
  readonly pass: (line: string, leftOut: number) => void
}

/** Passes lines on, of those that differ by numbers alone at most one in a time. */
export interface RepeatLimit {
  add(line: string): void
  /** Passes on the newest line of each kind of which some were left out. */
  flush(): void
}

interface Kind {
  readonly sinceMs: number
  leftOut: number
  newest: string
}

/** Kinds of lines that are told apart at once: past it the oldest is passed on and forgotten. */
const maxKinds = 100

/**
 * Creates a limit of repeats: a line is passed on where none like it was for `everyMs`, and what was left out is counted. The
 * newest that was left out is passed on with the count as soon as the time is over and any line comes, or by `flush`.
 */
export function createRepeatLimit({ everyMs, clock, pass }: RepeatLimitOptions): RepeatLimit {
  // In the order in which the last line of each was passed on.
  const kinds = new Map<string, Kind>()
  const tell = (key: string, kind: Kind, now: number) => {
    kinds.delete(key)
    if (kind.leftOut === 0) return
    // The line itself is told, so it is not among those left out.
    pass(kind.newest, kind.leftOut - 1)
    kinds.set(key, { sinceMs: now, leftOut: 0, newest: '' })
  }
  return {
    add(line) {
      const now = clock.now()
      const key = line.replace(/\d+/g, '#').slice(0, 500)
      for (const [otherKey, other] of [...kinds]) {
        if (now - other.sinceMs < everyMs) break
        if (otherKey !== key) tell(otherKey, other, now)
      }
      const kind = kinds.get(key)
      if (kind !== undefined && now - kind.sinceMs < everyMs) {
        kind.leftOut += 1
        kind.newest = line
        return
      }
      kinds.delete(key)
      pass(line, kind?.leftOut ?? 0)
      kinds.set(key, { sinceMs: now, leftOut: 0, newest: '' })
      const oldest = kinds.entries().next().value
      if (kinds.size > maxKinds && oldest !== undefined) {
        kinds.delete(oldest[0])
        if (oldest[1].leftOut > 0) pass(oldest[1].newest, oldest[1].leftOut - 1)
      }
    },
    flush() {
      for (const { leftOut, newest } of kinds.values()) if (leftOut > 0) pass(newest, leftOut - 1)
      kinds.clear()
    },
  }
}
