/** Where a row's pixels are: `bytes[offset + x]`. */
export interface RowView {
  bytes: Uint8Array
  offset: number
}

/** The rows of a run that are at hand: those of the strip being read, and those carried over from the strips before. */
export interface CarriedRows {
  /** First row at hand; rows before it do not exist for a crop. */
  firstRow(): number
  /** One past the last row at hand. */
  endRow(): number
  /** Forgets all rows; the next one is `row`. */
  restart(row: number): void
  /** Puts the rows of a strip at hand, without copying; they stay valid until `carry`. */
  attach(pixels: Uint8Array, rows: number): void
  /** Copies what later strips need, rows from `fromRow` on, and lets go of the strip's memory. */
  carry(fromRow: number): void
  /** Makes room for `rows` carried rows. */
  reserve(rows: number): void
  /** The row's place; `row` must be at hand. The same object every time. */
  view(row: number): RowView
}

/** Carried rows live in a ring (row r in slot r mod capacity), so that each row is copied once however small strips are. */
export function createCarriedRows(width: number): CarriedRows {
  let ring = new Uint8Array(0)
  let capacity = 0
  let first = 0
  let stripRow = 0
  let end = 0
  let strip: Uint8Array = ring
  const place: RowView = { bytes: ring, offset: 0 }

  return {
    firstRow: () => first,
    endRow: () => end,
    restart(row) {
      first = row
      stripRow = row
      end = row
    },
    attach(pixels, rows) {
      strip = pixels
      stripRow = end
      end += rows
    },
    carry(fromRow) {
      for (let row = Math.max(fromRow, stripRow); row < end; row++) {
        const from = (row - stripRow) * width
        ring.set(strip.subarray(from, from + width), (row % capacity) * width)
      }
      first = Math.max(first, Math.min(fromRow, end))
      stripRow = end
      strip = ring
    },
    reserve(rows) {
      if (rows <= capacity) return
      const larger = new Uint8Array(rows * width)
      for (let row = first; row < stripRow; row++) {
        const from = (row % capacity) * width
        larger.set(ring.subarray(from, from + width), (row % rows) * width)
      }
      ring = larger
      capacity = rows
    },
    view(row) {
      const inStrip = row >= stripRow
      place.bytes = inStrip ? strip : ring
      place.offset = (inStrip ? row - stripRow : row % capacity) * width
      return place
    },
  }
}
