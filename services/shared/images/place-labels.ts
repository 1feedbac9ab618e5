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
 * canvas. Candidates are tried in a fixed order (above right, above, above left, right, left, below), so the result is
 * the same every time.
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

function candidatesOf({ box, width, height }: LabelRequest, canvas: { width: number; height: number }): Rect[] {
  const right = box.x + box.width
  const middleX = box.x + (box.width - width) / 2
  const middleY = box.y + (box.height - height) / 2
  const positions: readonly (readonly [number, number])[] = [
    [right - width * 0.25, box.y - height * 0.75],
    [middleX, box.y - height],
    [box.x - width * 0.75, box.y - height * 0.75],
    [right + 2, middleY],
    [box.x - width - 2, middleY],
    [middleX, box.y + box.height],
    [right - width * 0.25, box.y + box.height - height * 0.25],
    [box.x - width * 0.75, box.y + box.height - height * 0.25],
    [middleX, middleY],
  ]
  return positions.map(([x, y]) => ({
    x: Math.min(Math.max(0, x), Math.max(0, canvas.width - width)),
    y: Math.min(Math.max(0, y), Math.max(0, canvas.height - height)),
    width,
    height,
  }))
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
