/** What is known of one component without looking at its outline. */
export interface ComponentSummary {
  readonly areaPx: number
  readonly width: number
  readonly height: number
  /**
   * Area over that of the ellipse with the same second moments, 4 pi sqrt(det): 1 for a filled ellipse, 0.89 for two
   * touching discs, less for whatever is hollow or ragged.
   */
  readonly ellipseFill: number
  /** Major over minor axis of that ellipse. */
  readonly aspectRatio: number
}

/** A component that fills its ellipse this well and is not longer than `maxAspect` may be a single pellet. */
const minEllipseFill = 0.91
const maxAspect = 2.1

/** Whether a component looks like one pellet by its moments alone. */
export function looksSingle(component: ComponentSummary): boolean {
  return component.ellipseFill >= minEllipseFill && component.aspectRatio <= maxAspect
}

/**
 * The 8-connected components above `threshold` in `rows` rows of `width` gray bytes (bright polarity) that touch none of the
 * four edges: a coarse look for estimating the size of a lot's pellets. One pass over runs with union-find; linear.
 */
export function findComponents(gray: Uint8Array, width: number, rows: number, threshold: number): ComponentSummary[] {
  const parent: number[] = []
  const sums: Sums[] = []
  const find = (node: number): number => {
    let at = node
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!
      at = parent[at]!
    }
    return at
  }
  let previous: Run[] = []
  for (let y = 0; y < rows; y++) {
    const current: Run[] = []
    const offset = y * width
    let p = 0
    for (let x = 0; x < width; x++) {
      if (gray[offset + x]! <= threshold) continue
      const start = x
      while (x < width && gray[offset + x]! > threshold) x++
      while (p < previous.length && previous[p]!.end < start) p++
      let root = -1
      for (let q = p; q < previous.length && previous[q]!.start <= x; q++) {
        const touched = find(previous[q]!.component)
        if (root === -1) root = touched
        else if (root !== touched) {
          parent[touched] = root
          merge(sums[root]!, sums[touched]!)
        }
      }
      if (root === -1) {
        root = parent.length
        parent.push(root)
        sums.push({ n: 0, sx: 0, sy: 0, sxx: 0, syy: 0, sxy: 0, left: width, right: 0, top: y, bottom: y })
      }
      addRun(sums[root]!, start, x, y)
      current.push({ start, end: x, component: root })
    }
    previous = current
  }
  const found: ComponentSummary[] = []
  for (let i = 0; i < parent.length; i++) {
    const s = sums[i]!
    if (parent[i] !== i || s.left === 0 || s.right === width || s.top === 0 || s.bottom === rows - 1) continue
    found.push(summary(s))
  }
  return found
}

interface Run {
  readonly start: number
  readonly end: number
  readonly component: number
}

interface Sums {
  n: number
  sx: number
  sy: number
  sxx: number
  syy: number
  sxy: number
  left: number
  right: number
  top: number
  bottom: number
}

function addRun(s: Sums, start: number, end: number, y: number): void {
  const n = end - start
  const sum = ((start + end - 1) * n) / 2
  s.n += n
  s.sx += sum
  s.sxx += n * start * start + start * n * (n - 1) + ((n - 1) * n * (2 * n - 1)) / 6
  s.sy += y * n
  s.syy += y * y * n
  s.sxy += y * sum
  s.left = Math.min(s.left, start)
  s.right = Math.max(s.right, end)
  s.bottom = Math.max(s.bottom, y)
}

function merge(into: Sums, from: Sums): void {
  into.n += from.n
  into.sx += from.sx
  into.sy += from.sy
  into.sxx += from.sxx
  into.syy += from.syy
  into.sxy += from.sxy
  into.left = Math.min(into.left, from.left)
  into.right = Math.max(into.right, from.right)
  into.top = Math.min(into.top, from.top)
  into.bottom = Math.max(into.bottom, from.bottom)
}

function summary(s: Sums): ComponentSummary {
  const mx = s.sx / s.n
  const my = s.sy / s.n
  const a = s.sxx / s.n - mx * mx + 1 / 12
  const b = s.syy / s.n - my * my + 1 / 12
  const c = s.sxy / s.n - mx * my
  const spread = Math.sqrt(((a - b) / 2) ** 2 + c * c)
  const major = (a + b) / 2 + spread
  const minor = Math.max((a + b) / 2 - spread, 1 / 12)
  return {
    areaPx: s.n,
    width: s.right - s.left,
    height: s.bottom - s.top + 1,
    ellipseFill: s.n / (4 * Math.PI * Math.sqrt(major * minor)),
    aspectRatio: Math.sqrt(major / minor),
  }
}
