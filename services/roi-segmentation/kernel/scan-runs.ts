/** Runs of one row: run i covers columns [x0[i], x1[i]). Room for width / 2 + 1 runs is enough for any row. */
export interface RowRuns {
  count: number
  readonly x0: Int32Array
  readonly x1: Int32Array
}

/** Buffers for the runs of a row of `width` pixels. */
export function createRowRuns(width: number): RowRuns {
  const room = (width >> 1) + 1
  return { count: 0, x0: new Int32Array(room), x1: new Int32Array(room) }
}

/**
 * Finds the runs of pixels above `threshold` in the row of `width` bytes that begins at `offset`. Where the row lies on a
 * 4-byte boundary, `words` (the same memory as 32-bit words) lets bed and pellet be skipped four pixels at a time:
 * a byte b is above t if bit 7 of (b & 127) + 127 - t, or of b itself, is set (t < 128; the `and` of them for t >= 128).
 */
export function scanRow(
  pixels: Uint8Array,
  words: Uint32Array | undefined,
  offset: number,
  width: number,
  threshold: number,
  runs: RowRuns,
): void {
  const { x0, x1 } = runs
  const end = offset + width
  let count = 0
  let at = offset
  if (words === undefined || (offset & 3) !== 0) {
    while (at < end) {
      while (at < end && pixels[at]! <= threshold) at++
      if (at === end) break
      x0[count] = at - offset
      while (at < end && pixels[at]! > threshold) at++
      x1[count++] = at - offset
    }
    runs.count = count
    return
  }
  const high = 0x80808080 | 0
  const low = 0x7f7f7f7f
  const dark = threshold < 128
  const add = Math.imul(dark ? 127 - threshold : 255 - threshold, 0x01010101)
  const lastWord = end >> 2
  while (at < end) {
    for (;;) {
      if ((at & 3) === 0) {
        let word = at >> 2
        while (word < lastWord) {
          const v = words[word]! | 0
          const sum = ((v & low) + add) | 0
          if (((dark ? sum | v : sum & v) & high) !== 0) break
          word++
        }
        at = word << 2
      }
      if (at >= end || pixels[at]! > threshold) break
      at++
    }
    if (at >= end) break
    x0[count] = at - offset
    for (;;) {
      if ((at & 3) === 0) {
        let word = at >> 2
        while (word < lastWord) {
          const v = words[word]! | 0
          const sum = ((v & low) + add) | 0
          if (((dark ? sum | v : sum & v) & high) !== high) break
          word++
        }
        at = word << 2
      }
      if (at >= end || pixels[at]! <= threshold) break
      at++
    }
    x1[count++] = Math.min(at, end) - offset
  }
  runs.count = count
}
