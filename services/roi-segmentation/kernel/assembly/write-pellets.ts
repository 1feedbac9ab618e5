import { firstStripRow } from './carried-rows'
import { Buffer, reserve } from './memory'
import { sortKeys } from './sort-keys'
import { allSpecks, clearSpecks, speckAt } from './speck-list'

// Collects the pellets of one strip and hands them over as columns in the order of ../pellet-writer.ts. A record is 128
// bytes: y (f64), its order (u64), from 16 on the 4-byte fields of a pellet in the order of the columns, from 80 on the two
// of a byte, and from 96 on the place of its first speck and how many are listed.

const recordShift: usize = 7
/** Where the fields of a record begin, and how many there are of 4 bytes and of 1 byte. */
const wideFields: usize = 16
const wideCount: usize = 14
const byteFields: usize = 80
const byteCount: usize = 2
export const cropBytes: usize = 2500
const records = changetype<Buffer>(memory.data(8))
const crops = changetype<Buffer>(memory.data(8))
const keys = changetype<Buffer>(memory.data(8))
const columns = changetype<Buffer>(memory.data(8))
const sortedCrops = changetype<Buffer>(memory.data(8))
/** Pellets collected. */
export let pelletCount: i32 = 0
/** Pellets in the columns. */
let takenCount: i32 = 0
/** 1 once rows were lost within the strip: what follows comes after what was before, however rows wrap around. */
let part: u64 = 0
/** Columns of the specks: of 4 bytes each but the last, of a byte. */
const speckColumns = changetype<Buffer>(memory.data(8))
const speckFields: usize = 6
let speckColumnBytes: usize = 0
let takenSpeckCount: i32 = 0
/** Bytes of one column; the wide one, y, comes first. */
let columnBytes: usize = 0

/** Marks that what was collected so far comes before what follows. */
export function beginPart(): void {
  part = 1
}

function record(index: i32): usize {
  return records.at + (usize(index) << recordShift)
}

/** Adds a pellet, its last row being `lastRow`; returns where its record lies. */
export function addRecord(lastRow: i32): usize {
  const bytes = usize(pelletCount) << recordShift
  const at = reserve(records, bytes + 128, bytes) + bytes
  // Rows before the strip are negative.
  store<u64>(at, (part << 33) + u64(i64(lastRow - firstStripRow()) + 0x100000000), 8)
  pelletCount++
  return at
}

/** Where the crop of the pellet added last goes: 2,500 bytes that are not defined yet. */
export function lastCrop(): usize {
  const bytes = usize(pelletCount - 1) * cropBytes
  return reserve(crops, bytes + cropBytes, bytes) + bytes
}

/** Whether record a comes before record b of the same last row; those that are equal keep their order. */
function comesBefore(a: usize, b: usize): bool {
  const x = load<i32>(a, 16) - load<i32>(b, 16)
  if (x !== 0) return x < 0
  const ya = load<f64>(a)
  const yb = load<f64>(b)
  if (ya !== yb) return ya < yb
  return load<i32>(a, 28) < load<i32>(b, 28)
}

/** Sorts the records [from, to) of equal last row, given as keys, by insertion. */
function sortRow(list: usize, from: i32, to: i32): void {
  for (let i = from + 1; i < to; i++) {
    const key = load<u64>(list + (usize(i) << 3))
    const moved = record(i32(key & 0x1fffffff))
    let at = i
    while (at > from) {
      const before = load<u64>(list + (usize(at - 1) << 3))
      if (!comesBefore(moved, record(i32(before & 0x1fffffff)))) break
      store<u64>(list + (usize(at) << 3), before)
      at--
    }
    store<u64>(list + (usize(at) << 3), key)
  }
}

/** Puts the pellets in order: keys of 35 bits of last row and 29 bits of number. */
function orderRecords(): usize {
  const list = reserve(keys, usize(pelletCount) << 3, 0)
  for (let i = 0; i < pelletCount; i++) {
    store<u64>(list + (usize(i) << 3), (load<u64>(record(i), 8) << 29) | u64(i))
  }
  sortKeys(list, pelletCount)
  let from = 0
  for (let i = 1; i <= pelletCount; i++) {
    if (i < pelletCount) {
      const a = load<u64>(list + (usize(from) << 3)) >> 29
      if (a === load<u64>(list + (usize(i) << 3)) >> 29) continue
    }
    if (i - from > 1) sortRow(list, from, i)
    from = i
  }
  return list
}

/** Hands the specks over as columns, pellet by pellet in the order of `list`. */
function takeSpecks(list: usize, count: i32): void {
  const specks = allSpecks()
  speckColumnBytes = (usize(specks) * 4 + 15) & ~usize(15)
  const bytes = speckColumnBytes
  const first = reserve(speckColumns, bytes * (speckFields + 1), 0)
  let next: usize = 0
  for (let i = 0; i < count; i++) {
    const from = record(i32(load<u64>(list + (usize(i) << 3)) & 0x1fffffff))
    const end = load<i32>(from, 96) + load<i32>(from, 100)
    for (let place = load<i32>(from, 96); place < end; place++, next++) {
      const speck = speckAt(place)
      const area = load<i32>(speck, 24)
      const at = first + (next << 2)
      store<i32>(at, i)
      store<i32>(at + bytes, area)
      store<f32>(at + bytes * 2, f32(sqrt<f64>((4 * f64(area)) / Math.PI)))
      store<f32>(at + bytes * 3, f32(load<f64>(speck, 16)))
      store<f32>(at + bytes * 4, f32(load<f64>(speck)))
      store<f32>(at + bytes * 5, f32(load<f64>(speck, 8)))
      store<u8>(first + bytes * speckFields + next, u8(load<i32>(speck, 28)))
    }
  }
  takenSpeckCount = specks
  clearSpecks()
}

/** Specks of the columns handed over last. */
export function takenSpecks(): i32 {
  return takenSpeckCount
}

/** Address of column i of the specks: 0 pellet, 1 area, 2 diameter, 3 contrast, 4 x, 5 y, 6 at rim (a byte each). */
export function speckColumnAt(i: i32): usize {
  return speckColumns.at + speckColumnBytes * usize(i)
}

/** Hands the pellets over as columns, in memory that the next call uses again, and empties the writer. */
export function takePellets(): void {
  const count = pelletCount
  const list = orderRecords()
  columnBytes = (usize(count) * 4 + 15) & ~usize(15)
  const c = reserve(columns, columnBytes * (2 + wideCount + byteCount), 0)
  const images = reserve(sortedCrops, usize(count) * cropBytes, 0)
  for (let i = 0; i < count; i++) {
    const index = i32(load<u64>(list + (usize(i) << 3)) & 0x1fffffff)
    const from = record(index)
    const at = usize(i) << 2
    store<f64>(c + (at << 1), load<f64>(from))
    let column = c + columnBytes * 2
    for (let field: usize = 0; field < wideCount; field++, column += columnBytes) {
      store<i32>(column + at, load<i32>(from + wideFields + (field << 2)))
    }
    for (let field: usize = 0; field < byteCount; field++, column += columnBytes) {
      store<u8>(column + usize(i), load<u8>(from + byteFields + field))
    }
    memory.copy(images + usize(i) * cropBytes, crops.at + usize(index) * cropBytes, cropBytes)
  }
  takeSpecks(list, count)
  takenCount = count
  pelletCount = 0
  part = 0
}

/** Pellets of the columns handed over last. */
export function takenPellets(): i32 {
  return takenCount
}

/** Address of column i: 0 y, then those of 4 bytes, then those of a byte, each in the order of a record. */
export function columnAt(i: i32): usize {
  return i === 0 ? columns.at : columns.at + columnBytes * usize(i + 1)
}

/** Address of the crops, in the order of the columns. */
export function cropsAt(): usize {
  return sortedCrops.at
}
