import { Buffer, reserve } from './memory'
import { RunList, reserveRuns } from './run-list'
import { sortKeys } from './sort-keys'

// The components of the rows read so far, by union-find. Each root holds its runs as a linked list, so that joining two
// costs nothing however many runs they have; numbers and runs are recycled, so memory follows what is open at one time.
// A component is 32 bytes:
//   0 parent   4 head   8 tail   12 runs   16 area   20 first row   24 last row   28 state
// A stored run is 16 bytes: its key (u64, absolute row), the next run (i32).

const componentShift: usize = 5
const storedShift: usize = 4

/** Open; its runs are kept. */
const open: i32 = 0
/** Tail of a component that was closed as oversize: its runs are not kept. */
const tail: i32 = 1
/** Added to the state of a component that has been seen to end. */
const ended: i32 = 2

const components = changetype<Buffer>(memory.data(8))
let componentCount: i32 = 0
let freeComponent: i32 = -1
const stored = changetype<Buffer>(memory.data(8))
let storedCount: i32 = 0
let freeStored: i32 = -1
const joined = changetype<Buffer>(memory.data(8))
let joinedCount: i32 = 0

function place(component: i32): usize {
  return components.at + (usize(component) << componentShift)
}

function storedAt(run: i32): usize {
  return stored.at + (usize(run) << storedShift)
}

/** A new component whose first run lies in `row`; its number. */
export function openComponent(row: i32): i32 {
  let component = freeComponent
  if (component === -1) {
    component = componentCount++
    reserve(components, usize(componentCount) << componentShift, usize(component) << componentShift)
  } else {
    freeComponent = load<i32>(place(component))
  }
  const at = place(component)
  store<i32>(at, component)
  store<i32>(at, -1, 4)
  store<i32>(at, 0, 12)
  store<i32>(at, 0, 16)
  store<i32>(at, row, 20)
  store<i32>(at, row, 24)
  store<i32>(at, open, 28)
  return component
}

export function findRoot(component: i32): i32 {
  const base = components.at
  let at = component
  let parent = load<i32>(base + (usize(at) << componentShift))
  while (parent !== at) {
    const above = load<i32>(base + (usize(parent) << componentShift))
    store<i32>(base + (usize(at) << componentShift), above)
    at = above
    parent = load<i32>(base + (usize(at) << componentShift))
  }
  return at
}

/** Joins two roots; returns the root that stays. */
export function uniteRoots(a: i32, b: i32): i32 {
  const older = load<i32>(place(a), 20) - load<i32>(place(b), 20)
  const keepA = older < 0 || (older === 0 && a < b)
  const root = keepA ? a : b
  const child = keepA ? b : a
  const r = place(root)
  const c = place(child)
  store<i32>(c, root)
  const list = reserve(joined, usize(joinedCount + 1) << 2, usize(joinedCount) << 2)
  store<i32>(list + (usize(joinedCount++) << 2), child)
  const head = load<i32>(c, 4)
  if (head !== -1) {
    const last = load<i32>(c, 8)
    store<i32>(storedAt(last), load<i32>(r, 4), 8)
    if (load<i32>(r, 4) === -1) store<i32>(r, last, 8)
    store<i32>(r, head, 4)
  }
  store<i32>(r, load<i32>(r, 12) + load<i32>(c, 12), 12)
  store<i32>(r, load<i32>(r, 16) + load<i32>(c, 16), 16)
  if (load<i32>(c, 24) - load<i32>(r, 24) > 0) store<i32>(r, load<i32>(c, 24), 24)
  return root
}

/** Adds a run of row `row` to a root. */
export function appendToComponent(root: i32, row: i32, x0: i32, x1: i32): void {
  let run = freeStored
  if (run === -1) {
    run = storedCount++
    reserve(stored, usize(storedCount) << storedShift, usize(run) << storedShift)
  } else {
    freeStored = load<i32>(storedAt(run), 8)
  }
  const at = storedAt(run)
  store<u64>(at, (u64(u32(row)) << 32) | u64((x0 << 16) | x1))
  store<i32>(at, -1, 8)
  const c = place(root)
  if (load<i32>(c, 4) === -1) store<i32>(c, run, 4)
  else store<i32>(storedAt(load<i32>(c, 8)), run, 8)
  store<i32>(c, run, 8)
  store<i32>(c, load<i32>(c, 12) + 1, 12)
  store<i32>(c, load<i32>(c, 16) + x1 - x0, 16)
  store<i32>(c, row, 24)
}

/** Marks a root as having pixels in `row`, without keeping them. */
export function touchComponent(root: i32, row: i32): void {
  store<i32>(place(root), row, 24)
}

export function componentFirstRow(root: i32): i32 {
  return load<i32>(place(root), 20)
}

export function componentArea(root: i32): i32 {
  return load<i32>(place(root), 16)
}

export function isTail(root: i32): bool {
  return (load<i32>(place(root), 28) & tail) !== 0
}

/** Whether the root has no pixel in `row`, the last one read, and was not seen to end before; it is from now on. */
export function endsBefore(root: i32, row: i32): bool {
  const at = place(root)
  if (load<i32>(at, 24) - row >= 0) return false
  return markEnded(root)
}

/** Marks a root as ended; false where it was. */
export function markEnded(root: i32): bool {
  const at = place(root)
  const state = load<i32>(at, 28)
  if ((state & ended) !== 0) return false
  store<i32>(at, state | ended, 28)
  return true
}

/** Makes a root the tail of an oversize component and lets go of its runs. */
export function makeTail(root: i32): void {
  freeRuns(root)
  store<i32>(place(root), tail, 28)
}

function freeRuns(root: i32): void {
  const at = place(root)
  const head = load<i32>(at, 4)
  if (head === -1) return
  store<i32>(storedAt(load<i32>(at, 8)), freeStored, 8)
  freeStored = head
  store<i32>(at, -1, 4)
  store<i32>(at, 0, 12)
}

/** Copies a root's runs, sorted by (row, x), rows counted from its first row. */
export function copyComponentRuns(root: i32, list: RunList): void {
  const at = place(root)
  const count = load<i32>(at, 12)
  const base = u64(load<u32>(at, 20)) << 32
  list.count = 0
  let out = reserveRuns(list, count)
  const runs = stored.at
  let run = load<i32>(at, 4)
  let last: u64 = 0
  let sorted = true
  for (let i = 0; i < count; i++) {
    const from = runs + (usize(run) << storedShift)
    const key = load<u64>(from) - base
    if (key < last) sorted = false
    last = key
    store<u64>(out, key)
    out += 8
    run = load<i32>(from, 8)
  }
  list.count = count
  if (!sorted) sortKeys(list.at, count)
}

function freeNumber(component: i32): void {
  store<i32>(place(component), freeComponent)
  freeComponent = component
}

/** Makes a root's number free again, and its runs. */
export function releaseComponent(root: i32): void {
  freeRuns(root)
  freeNumber(root)
}

/** Frees the numbers that were joined into others since the last call; no run may refer to them any more. */
export function releaseJoined(): void {
  for (let i = 0; i < joinedCount; i++) freeNumber(load<i32>(joined.at + (usize(i) << 2)))
  joinedCount = 0
}
