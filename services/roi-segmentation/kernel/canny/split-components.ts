import { appendRun, grown, type RunList } from '../run-list.ts'

/** The 8-connected components of a run list. */
export interface ComponentSplitter {
  /** Finds the components; how many there are, numbered by their first run. Linear in runs. */
  split(runs: RunList): number
  /** Copies a component's runs, in order, rows counted from its first one; returns that row. */
  copy(runs: RunList, component: number, part: RunList): number
}

/** Union-find over the runs, each with the ones it touches in the row before. */
export function createComponentSplitter(): ComponentSplitter {
  let parent = new Int32Array(256)
  let numberOf = new Int32Array(256)
  // Runs in the order of (component, run): component c has order[start[c]] to order[start[c + 1] - 1].
  let order = new Int32Array(256)
  let start = new Int32Array(257)

  function find(run: number): number {
    let at = run
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!
      at = parent[at]!
    }
    return at
  }

  function unite(a: number, b: number): void {
    const ra = find(a)
    const rb = find(b)
    parent[Math.max(ra, rb)] = Math.min(ra, rb)
  }

  function linkRows({ y, x0, x1, count }: RunList): void {
    let above = 0
    for (let i = 0; i < count; i++) {
      parent[i] = i
      while (y[above]! < y[i]! - 1 || (y[above] === y[i]! - 1 && x1[above]! < x0[i]!)) above++
      for (let a = above; y[a] === y[i]! - 1 && x0[a]! <= x1[i]!; a++) unite(i, a)
    }
  }

  return {
    split(runs) {
      const { count } = runs
      if (parent.length < count) {
        parent = grown(parent, count * 2)
        numberOf = grown(numberOf, count * 2)
        order = grown(order, count * 2)
        start = grown(start, count * 2 + 1)
      }
      linkRows(runs)
      let components = 0
      start.fill(0, 0, count + 1)
      for (let i = 0; i < count; i++) {
        const root = find(i)
        numberOf[i] = root === i ? components++ : numberOf[root]!
        const after = numberOf[i]! + 1
        start[after] = start[after]! + 1
      }
      for (let c = 0; c < components; c++) start[c + 1] = start[c + 1]! + start[c]!
      // `start` moves on while runs are placed, so that each ends where the next one began.
      for (let i = 0; i < count; i++) {
        const c = numberOf[i]!
        order[start[c]!] = i
        start[c] = start[c]! + 1
      }
      start.copyWithin(1, 0, components)
      start[0] = 0
      return components
    },

    copy(runs, component, part) {
      const from = start[component]!
      const base = runs.y[order[from]!]!
      part.count = 0
      for (let k = from; k < start[component + 1]!; k++) {
        const i = order[k]!
        appendRun(part, runs.y[i]! - base, runs.x0[i]!, runs.x1[i]!)
      }
      return base
    },
  }
}
