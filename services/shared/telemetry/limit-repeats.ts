import type { Clock } from '../service/clock.ts'

export interface RepeatLimitOptions<About> {
  /** Shortest time between two lines that are passed on of those that differ by numbers alone, ms. */
  readonly everyMs: number
  readonly clock: Pick<Clock, 'now'>
  /** Takes a line, how many like it were left out before it, and what it was given with. */
  readonly pass: (line: string, leftOut: number, about: About) => void
}

/** Passes lines on, of those that differ by numbers alone at most one in a time. */
export interface RepeatLimit<About> {
  add(line: string, about: About): void
  /** Passes on the newest line of each kind of which some were left out. */
  flush(): void
}

interface Kind<About> {
  readonly sinceMs: number
  leftOut: number
  newest: readonly [line: string, about: About]
}

/** Kinds of lines that are told apart at once: past it the oldest is passed on and forgotten. */
const maxKinds = 100

/**
 * Creates a limit of repeats: a line is passed on where none like it was for `everyMs`, and what was left out is counted. The
 * newest that was left out is passed on with the count as soon as the time is over and any line comes, or by `flush`.
 */
export function createRepeatLimit<About = void>(options: RepeatLimitOptions<About>): RepeatLimit<About> {
  const { everyMs, clock, pass } = options
  // In the order in which the last line of each was passed on.
  const kinds = new Map<string, Kind<About>>()
  const tell = ({ leftOut, newest: [line, about] }: Kind<About>) => {
    // The line itself is told, so it is not among those left out.
    if (leftOut > 0) pass(line, leftOut - 1, about)
  }
  return {
    add(line, about) {
      const now = clock.now()
      const key = line.replace(/\d+/g, '#').slice(0, 500)
      for (const [otherKey, other] of [...kinds]) {
        if (now - other.sinceMs < everyMs) break
        if (otherKey === key) continue
        kinds.delete(otherKey)
        tell(other)
        if (other.leftOut > 0) kinds.set(otherKey, { sinceMs: now, leftOut: 0, newest: other.newest })
      }
      const kind = kinds.get(key)
      if (kind !== undefined && now - kind.sinceMs < everyMs) {
        kind.leftOut += 1
        kind.newest = [line, about]
        return
      }
      kinds.delete(key)
      pass(line, kind?.leftOut ?? 0, about)
      kinds.set(key, { sinceMs: now, leftOut: 0, newest: [line, about] })
      const oldest = kinds.entries().next().value
      if (kinds.size > maxKinds && oldest !== undefined) {
        kinds.delete(oldest[0])
        tell(oldest[1])
      }
    },
    flush() {
      for (const kind of kinds.values()) tell(kind)
      kinds.clear()
    },
  }
}
