// Which blocks of a strip a segmentation may look at, and their bytes. ../block-encoder.ts lays out the memory and says what the
// margins are; docs/segmentation.md says why these blocks are enough. One strip at a time; all state is in the memory given.

/** Columns and rows of a block. */
const blockColumns: i32 = 16
const blockRows: i32 = 4
/** Bytes of a component's record: parent, left, right, top, bottom (i32), right and bottom included. */
const recordBytes: i32 = 20
/** Sweeps by which the outside is looked for; what a maze hides longer is kept, as if it were a hole. */
const mostSweeps: i32 = 64

/** Finds the runs of pixels above `level` in one row as x0, x1 (i32) pairs; returns their number. Reads up to 63 bytes behind it. */
function scanRow(row: usize, width: i32, level: i32, runs: usize): i32 {
  const limit = i8x16.splat(<i8>level)
  let out = runs
  let inside: u64 = 0
  for (let x = 0; x < width; x += 64) {
    const at = row + <usize>x
    const a = i8x16.gt_u(v128.load(at), limit)
    const b = i8x16.gt_u(v128.load(at, 16), limit)
    const c = i8x16.gt_u(v128.load(at, 32), limit)
    const d = i8x16.gt_u(v128.load(at, 48), limit)
    if (inside === 0 && !v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) continue
    const low = <u64>(<u32>(i8x16.bitmask(a) | (i8x16.bitmask(b) << 16)))
    const high = <u64>(<u32>(i8x16.bitmask(c) | (i8x16.bitmask(d) << 16)))
    let above = low | (high << 32)
    const left = width - x
    if (left < 64) above &= ((<u64>1) << (<u64>left)) - 1
    let changes = above ^ ((above << 1) | inside)
    inside = above >> 63
    while (changes !== 0) {
      store<i32>(out, x + <i32>ctz(changes))
      out += 4
      changes &= changes - 1
    }
  }
  if (inside !== 0) {
    store<i32>(out, width)
    out += 4
  }
  return <i32>((out - runs) >> 3)
}

let records: usize = 0

function find(component: i32): i32 {
  let at = component
  let parent = load<i32>(records + at * recordBytes)
  while (parent !== at) {
    const grand = load<i32>(records + parent * recordBytes)
    store<i32>(records + at * recordBytes, grand)
    at = grand
    parent = load<i32>(records + at * recordBytes)
  }
  return at
}

function unite(a: i32, b: i32): i32 {
  const root = min(a, b)
  const child = max(a, b)
  if (root === child) return root
  const to = records + root * recordBytes
  const from = records + child * recordBytes
  store<i32>(from, root)
  store<i32>(to, min(load<i32>(to, 4), load<i32>(from, 4)), 4)
  store<i32>(to, max(load<i32>(to, 8), load<i32>(from, 8)), 8)
  store<i32>(to, min(load<i32>(to, 12), load<i32>(from, 12)), 12)
  store<i32>(to, max(load<i32>(to, 16), load<i32>(from, 16)), 16)
  return root
}

/**
 * Links the pixels above `level` of a strip into 8-connected components, at most `mostComponents`, whose records lie at `table`, and
 * marks at `occupied` (one byte a block) the blocks that hold such a pixel. `runs` and `owners` have room for two rows of runs (8 and
 * 4 bytes each). Returns the number of records, those of components that were joined included, or -1 beyond the limit.
 */
function linkComponents(
  pixels: usize,
  width: i32,
  rows: i32,
  level: i32,
  occupied: usize,
  across: i32,
  runs: usize,
  owners: usize,
  table: usize,
  mostComponents: i32,
): i32 {
  records = table
  const mostRuns = (width >> 1) + 1
  let current = runs
  let previous = runs + ((<usize>mostRuns) << 3)
  let currentOf = owners
  let previousOf = owners + ((<usize>mostRuns) << 2)
  let before = 0
  let components = 0
  for (let y = 0; y < rows; y++) {
    const count = scanRow(pixels + <usize>y * <usize>width, width, level, current)
    const blocks = occupied + (y >> 2) * across
    let p = 0
    for (let i = 0; i < count; i++) {
      const x0 = load<i32>(current + (i << 3))
      const x1 = load<i32>(current + (i << 3), 4)
      for (let block = x0 >> 4; block <= (x1 - 1) >> 4; block++) store<u8>(blocks + block, 1)
      while (p < before && load<i32>(previous + (p << 3), 4) < x0) p++
      let root = -1
      for (let q = p; q < before && load<i32>(previous + (q << 3)) <= x1; q++) {
        const touched = find(load<i32>(previousOf + (q << 2)))
        root = root === -1 ? touched : unite(root, touched)
      }
      if (root === -1) {
        if (components === mostComponents) return -1
        root = components++
        const record = records + root * recordBytes
        store<i32>(record, root)
        store<i32>(record, x0, 4)
        store<i32>(record, x1 - 1, 8)
        store<i32>(record, y, 12)
        store<i32>(record, y, 16)
      } else {
        const record = records + root * recordBytes
        store<i32>(record, min(load<i32>(record, 4), x0), 4)
        store<i32>(record, max(load<i32>(record, 8), x1 - 1), 8)
        store<i32>(record, y, 16)
      }
      store<i32>(currentOf + (i << 2), root)
    }
    const spare = previous
    previous = current
    current = spare
    const spareOf = previousOf
    previousOf = currentOf
    currentOf = spareOf
    before = count
  }
  return components
}

/** Marks the blocks of the box of every component, widened by `margin` px, by `openMargin` where rows beyond the strip may belong to it. */
function markBoxes(
  components: i32,
  width: i32,
  rows: i32,
  marked: usize,
  across: i32,
  margin: i32,
  openMargin: i32,
): void {
  for (let i = 0; i < components; i++) {
    const record = records + i * recordBytes
    if (load<i32>(record) !== i) continue
    const first = load<i32>(record, 12)
    const last = load<i32>(record, 16)
    const wide = first === 0 || last >= rows - 2 ? openMargin : margin
    const left = max(0, load<i32>(record, 4) - wide) >> 4
    const right = min(width - 1, load<i32>(record, 8) + wide) >> 4
    const bottom = min(rows - 1, last + wide) >> 2
    for (let row = max(0, first - wide) >> 2; row <= bottom; row++) {
      memory.fill(marked + row * across + left, 1, right - left + 1)
    }
  }
}

/**
 * Sets to 2 at `occupied` the blocks without a pixel of a component from which such blocks lead to the strip's left or right
 * edge, side by side: no component encloses them, whatever the rows beyond the strip hold.
 */
function markOutside(occupied: usize, across: i32, down: i32): void {
  for (let sweep = 0; sweep < mostSweeps; sweep++) {
    let changed = false
    for (let step = 0; step < down; step++) {
      const row = (sweep & 1) === 0 ? step : down - 1 - step
      const line = occupied + row * across
      const above = row > 0 ? line - across : line
      const below = row < down - 1 ? line + across : line
      let open = true
      for (let x = 0; x < across; x++) {
        const at = line + x
        const state = load<u8>(at)
        if (state === 0 && (open || load<u8>(above + x) === 2 || load<u8>(below + x) === 2)) {
          store<u8>(at, 2)
          changed = true
          open = true
        } else open = state === 2
      }
      open = true
      for (let x = across - 1; x >= 0; x--) {
        const at = line + x
        const state = load<u8>(at)
        if (state === 0 && open) {
          store<u8>(at, 2)
          changed = true
        } else open = state === 2
      }
    }
    if (!changed) return
  }
}

/** Writes the bitmap of the blocks that are kept: marked, or enclosed, or not known not to be. Returns their number. */
function writeBitmap(marked: usize, occupied: usize, across: i32, down: i32, bitmap: usize): i32 {
  let count = 0
  let out = bitmap
  for (let row = 0; row < down; row++) {
    const line = row * across
    for (let x = 0; x < across; x += 8) {
      let bits = 0
      const end = min(8, across - x)
      for (let i = 0; i < end; i++) {
        const at = line + x + i
        const kept = load<u8>(marked + at) | <u8>(load<u8>(occupied + at) !== 2)
        bits |= (<i32>kept) << i
      }
      count += popcnt(bits)
      store<u8>(out++, <u8>bits)
    }
  }
  return count
}

/** Copies the blocks of the bitmap, 64 bytes each; what of a block lies beyond the strip is 0. */
function copyBlocks(pixels: usize, width: i32, rows: i32, across: i32, down: i32, bitmap: usize, blocks: usize): void {
  const stride = (across + 7) >> 3
  const whole = width >> 4
  let out = blocks
  for (let row = 0; row < down; row++) {
    const lines = min(blockRows, rows - row * blockRows)
    const first = pixels + <usize>(row * blockRows) * <usize>width
    const bits = bitmap + row * stride
    for (let byte = 0; byte < stride; byte++) {
      let left = <i32>load<u8>(bits + byte)
      while (left !== 0) {
        const block = (byte << 3) + ctz(left)
        left &= left - 1
        let at = first + block * blockColumns
        if (block < whole) {
          for (let line = 0; line < lines; line++) {
            v128.store(out + (line << 4), v128.load(at))
            at += width
          }
        } else {
          const columns = width - block * blockColumns
          for (let line = 0; line < lines; line++) {
            v128.store(out + (line << 4), i8x16.splat(0))
            memory.copy(out + (line << 4), at, columns)
            at += width
          }
        }
        for (let line = lines; line < blockRows; line++) v128.store(out + (line << 4), i8x16.splat(0))
        out += 64
      }
    }
  }
}

/**
 * Writes the bitmap and the blocks of a strip. `marked` and `occupied` have one byte a block; all rows of blocks up to that of row
 * `headRows - 1` and from that of row `rows - tailRows` on are kept. Returns the number of blocks, or -1 where there are more than
 * `mostBlocks` of them or of `mostComponents`; nothing is copied then.
 */
export function encodeBlocks(
  pixels: usize,
  width: i32,
  rows: i32,
  level: i32,
  margin: i32,
  openMargin: i32,
  headRows: i32,
  tailRows: i32,
  marked: usize,
  occupied: usize,
  runs: usize,
  owners: usize,
  table: usize,
  mostComponents: i32,
  bitmap: usize,
  blocks: usize,
  mostBlocks: i32,
): i32 {
  const across = (width + blockColumns - 1) / blockColumns
  const down = (rows + blockRows - 1) / blockRows
  memory.fill(marked, 0, across * down)
  memory.fill(occupied, 0, across * down)
  const components = linkComponents(pixels, width, rows, level, occupied, across, runs, owners, table, mostComponents)
  if (components < 0) return -1
  markBoxes(components, width, rows, marked, across, margin, openMargin)
  const head = min(rows, headRows)
  if (head > 0) memory.fill(marked, 1, (((head - 1) >> 2) + 1) * across)
  const tail = max(0, rows - tailRows) >> 2
  memory.fill(marked + tail * across, 1, (down - tail) * across)
  markOutside(occupied, across, down)
  const count = writeBitmap(marked, occupied, across, down, bitmap)
  if (count > mostBlocks) return -1
  copyBlocks(pixels, width, rows, across, down, bitmap, blocks)
  return count
}
