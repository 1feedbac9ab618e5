/** Rows of a line lately: acquired and lost. */
export interface RowsWindow {
  add(rowsAcquired: number, rowsLost: number): void
  /** Rows in the window: as few of the newest strips as hold `limit` rows, or all that there are. */
  sums(limit: number): { readonly rows: number; readonly lost: number }
}

/** Creates an empty window. Strips come in any order, so it is a window of booking, not of the run. */
export function createRowsWindow(): RowsWindow {
  let items: { readonly rows: number; readonly lost: number }[] = []
  let head = 0
  let rows = 0
  let lost = 0
  return {
    add(rowsAcquired, rowsLost) {
      if (rowsAcquired + rowsLost === 0) return
      items.push({ rows: rowsAcquired + rowsLost, lost: rowsLost })
      rows += rowsAcquired + rowsLost
      lost += rowsLost
    },
    sums(limit) {
      for (let oldest = items[head]; oldest !== undefined && rows - oldest.rows >= limit; oldest = items[head]) {
        rows -= oldest.rows
        lost -= oldest.lost
        head += 1
      }
      if (head > 1024) {
        items = items.slice(head)
        head = 0
      }
      return { rows, lost }
    },
  }
}
