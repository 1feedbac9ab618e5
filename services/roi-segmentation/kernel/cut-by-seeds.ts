import type { Seeds } from './find-seeds.ts'
import { appendRun, type RunList } from './run-list.ts'

export interface SeedCutter {
  /**
   * Cuts the runs along the power diagram of the seeds: a pixel belongs to the seed with the least
   * (distance of its centre)^2 - radius^2. The pieces keep the order of the runs; `owner[i]` is the seed of piece i.
   */
  cut(runs: RunList, seeds: Seeds, pieces: RunList): Int32Array
}

/**
 * In one row the power of seed i is x^2 plus a line in x, so the cells of a row are the lower envelope of lines, and the
 * lines sorted by slope once (slope -2 x_i) give each row's envelope with a stack in linear time: no pixel is visited.
 * Two circles' radical line runs through the points where they meet: the place where two touching pellets part.
 */
export function createSeedCutter(): SeedCutter {
  let owner = new Int32Array(1024)
  let order: number[] = []
  let constant = new Float64Array(64)
  let stack = new Int32Array(64)
  let begins = new Float64Array(64)
  let stackSize = 0

  function envelope(seeds: Seeds, y: number): void {
    stackSize = 0
    for (const i of order) {
      const dy = seeds.y[i]! - y
      const c = seeds.x[i]! * seeds.x[i]! + dy * dy - seeds.radius[i]! * seeds.radius[i]!
      constant[i] = c
      let begin = Number.NEGATIVE_INFINITY
      let hidden = false
      while (stackSize > 0) {
        const top = stack[stackSize - 1]!
        const slope = 2 * (seeds.x[i]! - seeds.x[top]!)
        if (slope === 0) {
          if (c >= constant[top]!) {
            hidden = true
            break
          }
          stackSize--
          continue
        }
        begin = (c - constant[top]!) / slope
        if (begin > begins[stackSize - 1]!) break
        stackSize--
        begin = Number.NEGATIVE_INFINITY
      }
      if (hidden) continue
      stack[stackSize] = i
      begins[stackSize++] = begin
    }
  }

  return {
    cut(runs, seeds, pieces) {
      if (constant.length < seeds.count) {
        constant = new Float64Array(seeds.count * 2)
        stack = new Int32Array(seeds.count * 2)
        begins = new Float64Array(seeds.count * 2)
      }
      order = Array.from({ length: seeds.count }, (_, i) => i).sort((a, b) => seeds.x[a]! - seeds.x[b]! || a - b)
      pieces.count = 0
      let row = -1
      let cell = 0
      for (let i = 0; i < runs.count; i++) {
        const y = runs.y[i]!
        if (y !== row) {
          row = y
          cell = 0
          envelope(seeds, y + 0.5)
        }
        let x = runs.x0[i]!
        const end = runs.x1[i]!
        while (x < end) {
          while (cell + 1 < stackSize && begins[cell + 1]! <= x + 0.5) cell++
          // The next cell begins beyond x + 0.5, so the piece has at least one pixel and the loop advances.
          const next = cell + 1 < stackSize ? Math.min(end, Math.ceil(begins[cell + 1]! - 0.5)) : end
          if (pieces.count >= owner.length) owner = doubled(owner)
          owner[pieces.count] = stack[cell]!
          appendRun(pieces, y, x, next)
          x = next
        }
      }
      return owner
    },
  }
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2)
  larger.set(array)
  return larger
}
