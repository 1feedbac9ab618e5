/** Pellets per second of a line, from what is booked; `atMs` and `nowMs` are of one clock that never steps back. */
export interface LineRate {
  add(found: number, atMs: number): void
  /** Rate over the window that ends with the newest booking; 0 once that is older than the window. */
  perSecond(nowMs: number): number
}

/** Creates the rate of one line over `windowMs`. */
export function createLineRate(windowMs: number): LineRate {
  let items: { readonly found: number; readonly atMs: number }[] = []
  let first: number | undefined
  return {
    add(found, atMs) {
      first ??= atMs
      const last = items.at(-1)
      // Bookings of one transaction are one entry; the list stays as short as the window has milliseconds.
      if (last?.atMs === atMs) items[items.length - 1] = { found: last.found + found, atMs }
      else items.push({ found, atMs })
      const oldest = items[0]
      if (oldest !== undefined && atMs - oldest.atMs > 2 * windowMs) {
        items = items.filter((item) => atMs - item.atMs <= windowMs)
      }
    },
    perSecond(nowMs) {
      const last = items.at(-1)
      if (last === undefined || first === undefined || nowMs - last.atMs > windowMs) return 0
      const found = items.reduce((sum, item) => (last.atMs - item.atMs < windowMs ? sum + item.found : sum), 0)
      // A line that has just begun is measured over the time it has run, but not over an instant.
      const spanMs = Math.min(windowMs, Math.max(1_000, last.atMs - first))
      return (found * 1000) / spanMs
    },
  }
}
