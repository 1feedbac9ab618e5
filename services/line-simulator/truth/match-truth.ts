/** A box of truth; `PelletTruth` is one. */
export interface TruthBox {
  readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }
}

/** Boxes of segmented pellets as columns; a segmenter's columns are such. */
export interface PelletBoxes {
  readonly count: number
  readonly x: ArrayLike<number>
  readonly y: ArrayLike<number>
  readonly width: ArrayLike<number>
  readonly height: ArrayLike<number>
}

/** Which pellet is which; -1 where there is no counterpart. */
export interface TruthMatch {
  /** Per segmented pellet: index into the truth. */
  readonly truthOf: Int32Array
  /** Per pellet of the truth: index of the segmented pellet. */
  readonly pelletOf: Int32Array
}

/**
 * Pairs segmented pellets with the truth by the overlap of their boxes (intersection over union of at least `minIou`,
 * default 0.5), best pairs first, each used once. Order of either side does not matter.
 */
export function matchTruth(truth: readonly TruthBox[], pellets: PelletBoxes, minIou = 0.5): TruthMatch {
  const byTop = truth.map((_, index) => index).sort((a, b) => truth[a]!.box.y - truth[b]!.box.y)
  const tops = Float64Array.from(byTop, (index) => truth[index]!.box.y)
  const tallest = truth.reduce((height, { box }) => Math.max(height, box.height), 0)
  const pairs: { readonly pellet: number; readonly index: number; readonly iou: number }[] = []
  for (let pellet = 0; pellet < pellets.count; pellet++) {
    const x = pellets.x[pellet]!
    const y = pellets.y[pellet]!
    const width = pellets.width[pellet]!
    const height = pellets.height[pellet]!
    for (let at = firstAbove(tops, y - tallest); at < tops.length && tops[at]! < y + height; at++) {
      const { box } = truth[byTop[at]!]!
      const overlapX = Math.min(x + width, box.x + box.width) - Math.max(x, box.x)
      const overlapY = Math.min(y + height, box.y + box.height) - Math.max(y, box.y)
      if (overlapX <= 0 || overlapY <= 0) continue
      const shared = overlapX * overlapY
      const iou = shared / (width * height + box.width * box.height - shared)
      if (iou >= minIou) pairs.push({ pellet, index: byTop[at]!, iou })
    }
  }
  pairs.sort((a, b) => b.iou - a.iou || a.pellet - b.pellet || a.index - b.index)
  const truthOf = new Int32Array(pellets.count).fill(-1)
  const pelletOf = new Int32Array(truth.length).fill(-1)
  for (const { pellet, index } of pairs)
    if (truthOf[pellet] === -1 && pelletOf[index] === -1) {
      truthOf[pellet] = index
      pelletOf[index] = pellet
    }
  return { truthOf, pelletOf }
}

/** Index of the first value above `bound` in rising values. */
function firstAbove(values: Float64Array, bound: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (values[middle]! > bound) high = middle
    else low = middle + 1
  }
  return low
}
