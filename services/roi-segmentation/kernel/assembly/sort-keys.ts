import { Buffer, reserve } from './memory'

const scratch = changetype<Buffer>(memory.data(8))

/** Where the ascending piece that begins at `from` ends, at most `end`. */
function pieceEnd(from: usize, end: usize): usize {
  let at = from + 8
  let last = load<u64>(from)
  while (at < end) {
    const key = load<u64>(at)
    if (key < last) break
    last = key
    at += 8
  }
  return at
}

/** Merges neighbouring ascending pieces of [from, end) to `target`, two and two; returns whether one piece was there. */
function mergePieces(from: usize, end: usize, target: usize): bool {
  let a = from
  while (a < end) {
    const middle = pieceEnd(a, end)
    if (a === from && middle === end) return true
    let b = middle
    const bEnd = b < end ? pieceEnd(b, end) : b
    while (a < middle && b < bEnd) {
      const left = load<u64>(a)
      const right = load<u64>(b)
      const first = left <= right
      store<u64>(target, first ? left : right)
      target += 8
      if (first) a += 8
      else b += 8
    }
    for (; a < middle; a += 8, target += 8) store<u64>(target, load<u64>(a))
    for (; b < bEnd; b += 8, target += 8) store<u64>(target, load<u64>(b))
    a = bEnd
  }
  return false
}

/** Sorts `count` u64 upwards in place: merges the ascending pieces that are there until one is left. */
export function sortKeys(at: usize, count: i32): void {
  if (count < 2) return
  const bytes = usize(count) << 3
  const other = reserve(scratch, bytes, 0)
  let from = at
  let to = other
  while (!mergePieces(from, from + bytes, to)) {
    const swap = from
    from = to
    to = swap
  }
  if (from !== at) memory.copy(at, from, bytes)
}
