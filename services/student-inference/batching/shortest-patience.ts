/** How patient those are who have come lately. */
export interface ShortestPatience {
  /** Takes note of crops that came at `nowMs` and should be judged within `withinMs`; times never fall. */
  note(nowMs: number, withinMs: number): void
  /** The shortest patience of the last second or two before the last arrival, ms; infinite where nobody has come. */
  read(): number
}

const spanMs = 1000

/** Creates one that knows of nobody; it keeps two numbers, not the arrivals. */
export function createShortestPatience(): ShortestPatience {
  let [span, before, now] = [0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  return {
    note(nowMs, withinMs) {
      const next = Math.floor(nowMs / spanMs)
      if (next !== span) {
        before = next === span + 1 ? now : Number.POSITIVE_INFINITY
        now = Number.POSITIVE_INFINITY
        span = next
      }
      now = Math.min(now, withinMs)
    },
    read: () => Math.min(before, now),
  }
}
