// The kernel's memory. It is shared: whoever grows it owns the pages that this adds, so the kernel and those who place
// strips in it need no further agreement.

const pageBytes: usize = 65536
/** Pages that the kernel's static data and first buffers lie in; the memory must begin with as many. */
const firstPages: usize = 16
/** Bytes behind every buffer that may be read, and overwritten, by steps of 64 bytes. */
const slack: usize = 128
/**
 * Four size classes per power of two from 4 KiB on: class c has (4 + c % 4) << (c / 4) KiB. The largest has 1.75 GiB, so that no sum
 * of an address and a size exceeds 32 bits.
 */
const classes: i32 = 76

let next: usize = __heap_base
let end: usize = firstPages * pageBytes
const freeBlocks: usize = memory.data(304)
/** Whether the memory could not grow; the trap that follows is this one's. */
let exhausted: bool = false

export function isExhausted(): bool {
  return exhausted
}

function classBytes(sizeClass: i32): usize {
  return usize(4 + (sizeClass & 3)) << usize(10 + (sizeClass >> 2))
}

function classOf(bytes: usize): i32 {
  let sizeClass = 0
  while (sizeClass < classes && classBytes(sizeClass) < bytes) sizeClass++
  return sizeClass
}

/** Takes pages of its own; traps where the memory is at its maximum. */
function takePages(bytes: usize): void {
  const pages = max<usize>((bytes + pageBytes - 1) / pageBytes, 16)
  const grown = memory.grow(i32(pages))
  if (grown < 0) {
    exhausted = true
    unreachable()
  }
  const at = usize(grown) * pageBytes
  if (at !== end) next = at
  end = at + pages * pageBytes
}

/** A block of at least `bytes`, its size a size class, on a 16-byte boundary; what it holds is left over from before. */
function allocate(bytes: usize): usize {
  const sizeClass = classOf(bytes)
  if (sizeClass === classes) {
    exhausted = true
    unreachable()
  }
  const slot = freeBlocks + (usize(sizeClass) << 2)
  const kept = usize(load<u32>(slot))
  if (kept !== 0) {
    store<u32>(slot, load<u32>(kept))
    return kept
  }
  const size = classBytes(sizeClass)
  const at = (next + 15) & ~usize(15)
  if (at + size <= end) {
    next = at + size
    return at
  }
  // `next` moves where the pages do not follow what is there.
  takePages(at + size - end)
  const place = (next + 15) & ~usize(15)
  if (place + size > end) takePages(size)
  const found = (next + 15) & ~usize(15)
  next = found + size
  return found
}

function release(at: usize, bytes: usize): void {
  const slot = freeBlocks + (usize(classOf(bytes)) << 2)
  store<u32>(at, load<u32>(slot))
  store<u32>(slot, u32(at))
}

/** Memory that grows when needed and is kept: `at` is where it lies now, 16-byte aligned. Made by `memory.data(8)`. */
@unmanaged
export class Buffer {
  at: usize
  /** Bytes that may be used. */
  room: usize
}

/** Makes room for `bytes`; the first `kept` bytes stay what they are, the others are not defined. Returns where it lies. */
export function reserve(buffer: Buffer, bytes: usize, kept: usize): usize {
  if (bytes <= buffer.room) return buffer.at
  const wanted = max<usize>(bytes, buffer.room + (buffer.room >> 1))
  const at = allocate(wanted + slack)
  if (kept > 0) memory.copy(at, buffer.at, kept)
  if (buffer.room > 0) release(buffer.at, buffer.room + slack)
  buffer.at = at
  buffer.room = classBytes(classOf(wanted + slack)) - slack
  return at
}

/** Lets go of a buffer's memory. */
export function releaseBuffer(buffer: Buffer): void {
  if (buffer.room > 0) release(buffer.at, buffer.room + slack)
  buffer.at = 0
  buffer.room = 0
}
