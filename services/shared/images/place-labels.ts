/** An axis-parallel rectangle, px. */
export interface Rect {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** A label to place beside a box. */
export interface LabelRequest {
  readonly box: Rect
  readonly width: number
  readonly height: number
}

/**
 * Places each label beside its box where it covers the least of other boxes and of labels placed before, inside the
 * canvas. Places round the box are tried in a fixed order, from above to below, so the result is the same every time.
 */
export function placeLabels(
  requests: readonly LabelRequest[],
  obstacles: readonly Rect[],
  canvas: { readonly width: number; readonly height: number },
): readonly Rect[] {
  const index = createRectIndex(canvas)
  for (const obstacle of obstacles) index.add(obstacle, 1)
  return requests.map((request) => {
    let best: Rect | undefined
    let bestCost = Number.POSITIVE_INFINITY
    for (const candidate of candidatesOf(request, canvas)) {
      const cost = index.covered(candidate)
      if (cost < bestCost) {
        best = candidate
        bestCost = cost
      }
      if (cost === 0) break
    }
    const placed = best!
    index.add(placed, 4)
    return placed
  })
}

/** Directions, degrees clockwise from above, in the order of preference. */
const directions = [0, 22, -22, 45, -45, 67, -67, 90, -90, 113, -113, 135, -135, 158, -158, 180]

function candidatesOf({ box, width, height }: LabelRequest, canvas: { width: number; height: number }): Rect[] {
  const inside = (value: number, limit: number) => Math.min(Math.max(0, value), Math.max(0, limit))
  return directions.map((degrees) => {
    // The label's centre runs round the ellipse in the box, half a label further out.
    const angle = (degrees * Math.PI) / 180
    const x = box.x + box.width / 2 + Math.sin(angle) * (box.width + width) * 0.5
    const y = box.y + box.height / 2 - Math.cos(angle) * (box.height + height) * 0.5
    return {
      x: inside(x - width / 2, canvas.width - width),
      y: inside(y - height / 2, canvas.height - height),
      width,
      height,
    }
  })
}

const cellPx = 128

/** Rectangles in a grid of cells, so that only neighbours are compared. */
function createRectIndex(canvas: { readonly width: number }) {
  const cells = new Map<number, { readonly rect: Rect; readonly weight: number }[]>()
  const perRow = Math.ceil(canvas.width / cellPx) + 2
  const cellsOf = function* (rect: Rect) {
    for (let row = Math.floor(rect.y / cellPx); row <= Math.floor((rect.y + rect.height) / cellPx); row++) {
      for (let column = Math.floor(rect.x / cellPx); column <= Math.floor((rect.x + rect.width) / cellPx); column++) {
        yield row * perRow + column
      }
    }
  }
  return {
    add(rect: Rect, weight: number) {
      for (const cell of cellsOf(rect)) {
        const list = cells.get(cell)
        if (list === undefined) cells.set(cell, [{ rect, weight }])
        else list.push({ rect, weight })
      }
    },
    /** Weighted area that `rect` shares with what was added, px. */
    covered(rect: Rect): number {
      const seen = new Set<Rect>()
      let area = 0
      for (const cell of cellsOf(rect)) {
        for (const other of cells.get(cell) ?? []) {
          if (seen.has(other.rect)) continue
          seen.add(other.rect)
          area += other.weight * overlapArea(rect, other.rect)
        }
      }
      return area
    },
  }
}

function overlapArea(a: Rect, b: Rect): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)
  return width > 0 && height > 0 ? width * height : 0
}
