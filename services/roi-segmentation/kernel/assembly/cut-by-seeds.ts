import { seedCount, seedRadius, seedX, seedY } from './find-seeds'
import { Buffer, reserve } from './memory'
import { appendRun, RunList, reserveRuns, runBytes, runsEnd, runX0, runX1, runY } from './run-list'
import { sortKeys } from './sort-keys'

// Cuts runs along the power diagram of the seeds, as ../cut-by-seeds.ts.

const order = changetype<Buffer>(memory.data(8))
const constants = changetype<Buffer>(memory.data(8))
const stack = changetype<Buffer>(memory.data(8))
const begins = changetype<Buffer>(memory.data(8))
let stackSize: i32 = 0

function stackSeed(index: i32): i32 {
  return load<i32>(stack.at + (usize(index) << 2))
}

function stackBegin(index: i32): f64 {
  return load<f64>(begins.at + (usize(index) << 3))
}

function constantOf(seed: i32): f64 {
  return load<f64>(constants.at + (usize(seed) << 3))
}

/** Puts the seeds in the order of the slopes of their lines; once for all cuts by the same seeds. */
export function orderSeeds(): void {
  const bytes = usize(seedCount) << 3
  const keys = reserve(order, bytes, 0)
  reserve(constants, bytes, 0)
  reserve(stack, bytes, 0)
  reserve(begins, bytes, 0)
  for (let i = 0; i < seedCount; i++) {
    store<u64>(keys + (usize(i) << 3), (u64(seedX(i) * 2.0) << 32) | u64(i))
  }
  sortKeys(keys, seedCount)
}

/** The lower envelope of the seeds' lines in the row whose middle is `y`: the stack of seeds from left to right. */
function findEnvelope(y: f64): void {
  stackSize = 0
  for (let k = 0; k < seedCount; k++) {
    const i = load<i32>(order.at + (usize(k) << 3))
    const dy = seedY(i) - y
    const x = seedX(i)
    const c = x * x + dy * dy - seedRadius(i) * seedRadius(i)
    store<f64>(constants.at + (usize(i) << 3), c)
    let begin = -Infinity
    let hidden = false
    while (stackSize > 0) {
      const top = stackSeed(stackSize - 1)
      const slope = 2 * (x - seedX(top))
      if (slope === 0) {
        if (c >= constantOf(top)) {
          hidden = true
          break
        }
        stackSize--
        continue
      }
      begin = (c - constantOf(top)) / slope
      if (begin > stackBegin(stackSize - 1)) break
      stackSize--
      begin = -Infinity
    }
    if (hidden) continue
    store<i32>(stack.at + (usize(stackSize) << 2), i)
    store<f64>(begins.at + (usize(stackSize) << 3), begin)
    stackSize++
  }
}

/** Cuts the runs; the pieces keep their order, and `owners` gets the seed of each (i32). */
export function cutBySeeds(runs: RunList, pieces: RunList, owners: Buffer): void {
  pieces.count = 0
  const end = runsEnd(runs)
  let row = -1
  let cell = 0
  for (let run = runs.at; run < end; run += runBytes) {
    const y = runY(run)
    if (y !== row) {
      row = y
      cell = 0
      findEnvelope(f64(y) + 0.5)
    }
    // A run is cut into as many pieces as there are cells at most.
    reserve(owners, usize(pieces.count + stackSize) << 2, usize(pieces.count) << 2)
    reserveRuns(pieces, pieces.count + stackSize)
    let x = runX0(run)
    const stop = runX1(run)
    while (x < stop) {
      while (cell + 1 < stackSize && stackBegin(cell + 1) <= f64(x) + 0.5) cell++
      // The next cell begins beyond x + 0.5, so the piece has at least one pixel and the loop advances.
      let next = stop
      if (cell + 1 < stackSize) {
        const border = ceil<f64>(stackBegin(cell + 1) - 0.5)
        if (border < f64(stop)) next = i32(border)
      }
      store<i32>(owners.at + (usize(pieces.count) << 2), stackSeed(cell))
      appendRun(pieces, y, x, next)
      x = next
    }
  }
}
