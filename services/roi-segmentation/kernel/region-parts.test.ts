import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createRowExtent, createRowHull, extentOfRuns, hullOfExtent, hullToRuns } from './convex-hull.ts'
import { createSeedCutter } from './cut-by-seeds.ts'
import { type DrawnImage, drawBed, drawBox, drawDisc, drawEllipse, randomFrom } from './drawn-image.ts'
import { createHoleFiller } from './fill-holes.ts'
import { createSeedFinder } from './find-seeds.ts'
import { appendRun, createRunList, type RunList, runArea } from './run-list.ts'
import { createRowRuns, scanRow } from './scan-runs.ts'
import { traceOutline } from './trace-outline.ts'

/** All bright pixels of an image as one region. */
function regionOf(image: DrawnImage): RunList {
  const runs = createRunList(4)
  const row = createRowRuns(image.width)
  for (let y = 0; y < image.height; y++) {
    scanRow(image.pixels, undefined, y * image.width, image.width, 100, row)
    for (let i = 0; i < row.count; i++) appendRun(runs, y, row.x0[i]!, row.x1[i]!)
  }
  return runs
}

function maskOf(runs: RunList, width: number, height: number): Uint8Array {
  const mask = new Uint8Array(width * height)
  for (let i = 0; i < runs.count; i++) mask.fill(1, runs.y[i]! * width + runs.x0[i]!, runs.y[i]! * width + runs.x1[i]!)
  return mask
}

describe('scanRow', () => {
  it('finds the same runs word by word as byte by byte, at every threshold and width', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 70 }),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 3 }),
        (levels, threshold, stretch) => {
          const pixels = new Uint8Array(4 * Math.ceil((levels.length * (stretch + 1)) / 4))
          for (let i = 0; i < levels.length * (stretch + 1); i++) pixels[i] = levels[Math.floor(i / (stretch + 1))]!
          const width = levels.length * (stretch + 1)
          const byWord = createRowRuns(width)
          const byByte = createRowRuns(width)
          scanRow(pixels, new Uint32Array(pixels.buffer), 0, width, threshold, byWord)
          scanRow(pixels, undefined, 0, width, threshold, byByte)
          assert.deepEqual(byWord, byByte)
          let above = 0
          for (let x = 0; x < width; x++) if (pixels[x]! > threshold) above++
          let inRuns = 0
          for (let i = 0; i < byByte.count; i++) inRuns += byByte.x1[i]! - byByte.x0[i]!
          assert.equal(inRuns, above)
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('createHoleFiller', () => {
  it('fills what a flood from outside does not reach', () => {
    fc.assert(
      fc.property(fc.integer(), fc.double({ min: 0.3, max: 0.9, noNaN: true }), (seed, share) => {
        const random = randomFrom(seed)
        const image = drawBed(24, 24)
        for (let y = 1; y < 23; y++) for (let x = 1; x < 23; x++) if (random() < share) image.pixels[y * 24 + x] = 200
        // A frame makes every row one with runs, as those of a component are.
        drawBox(image, 3, 0, 2, 24, 200)
        const runs = regionOf(image)
        const filler = createHoleFiller()
        const filled = createRunList(4)
        const holes = filler.find(runs)
        filler.fill(runs, () => true, filled)
        const outside = floodOutside(image)
        assert.equal(runArea(filled), 24 * 24 - outside)
        let added = 0
        for (let hole = 0; hole < holes; hole++) added += filler.areaPx(hole)
        assert.equal(runArea(filled), runArea(runs) + added)
      }),
      { numRuns: 300 },
    )
  })

  function floodOutside(image: DrawnImage): number {
    const { width, height } = image
    // A ring of bed around the image, so that the flood reaches every side.
    const w = width + 2
    const seen = new Uint8Array(w * (height + 2))
    const stack = [0]
    seen[0] = 1
    let count = 0
    while (stack.length > 0) {
      const at = stack.pop()!
      const x = (at % w) - 1
      const y = Math.floor(at / w) - 1
      if (x >= 0 && x < width && y >= 0 && y < height) count++
      for (const [dx, dy] of [
        [1, 0],
        [-1, 0],
        [0, 1],
        [0, -1],
      ] as const) {
        const nx = x + dx
        const ny = y + dy
        if (nx < -1 || ny < -1 || nx > width || ny > height) continue
        const next = (ny + 1) * w + nx + 1
        const bright = nx >= 0 && nx < width && ny >= 0 && ny < height && image.pixels[ny * width + nx]! > 100
        if (bright || seen[next] === 1) continue
        seen[next] = 1
        stack.push(next)
      }
    }
    return count
  }
})

describe('hullOfExtent', () => {
  it('adds no pixel to a digital disc or ellipse', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 2, max: 30, noNaN: true }),
        fc.double({ min: 2, max: 30, noNaN: true }),
        fc.double({ min: 0, max: 3.2, noNaN: true }),
        fc.double({ min: 38, max: 42, noNaN: true }),
        (a, b, angle, x) => {
          const image = drawBed(80, 80)
          drawEllipse(image, x, 40.4, a, b, angle, 200)
          const runs = regionOf(image)
          assert.equal(hullRuns(runs), runArea(runs))
        },
      ),
      { numRuns: 200 },
    )
  })

  it('holds every pixel, and is its own hull', () => {
    const image = drawBed(90, 60)
    drawDisc(image, 25, 30, 14, 200)
    drawDisc(image, 60, 25, 17, 200)
    const runs = regionOf(image)
    const hull = createRunList(4)
    hullRuns(runs, hull)
    const inside = maskOf(hull, 90, 60)
    assert.ok(maskOf(runs, 90, 60).every((pixel, i) => pixel <= inside[i]!))
    assert.equal(hullRuns(hull), runArea(hull))
    assert.ok(runArea(hull) > runArea(runs) + 300)
  })

  function hullRuns(runs: RunList, out = createRunList(4)): number {
    const extent = createRowExtent(0)
    const hull = createRowHull(0)
    const rows = runs.y[runs.count - 1]! + 1
    extentOfRuns(runs, rows, extent)
    hullOfExtent(extent, runs.y[0]!, rows, hull, new Int32Array(rows))
    hullToRuns(hull, out)
    assert.equal(runArea(out), hull.area)
    return hull.area
  }
})

describe('createSeedFinder and createSeedCutter', () => {
  it('find the middles of touching discs, and give each pixel to the seed of least power', () => {
    const image = drawBed(160, 120)
    const discs = [
      [40, 40, 20],
      [79, 45, 20],
      [60, 78, 19],
    ] as const
    for (const [x, y, r] of discs) drawDisc(image, x, y, r, 200)
    const runs = regionOf(image)
    const seeds = createSeedFinder().find(runs, { left: 20, right: 99, rows: 120 }, 1257)
    assert.equal(seeds.count, 3)
    for (const [x, y, r] of discs) {
      const near = Array.from({ length: 3 }, (_, i) => Math.hypot(seeds.x[i]! - x, seeds.y[i]! - y))
      const i = near.indexOf(Math.min(...near))
      assert.ok(near[i]! < 2.5 && Math.abs(seeds.radius[i]! - r) < 2, `${near[i]} px off, radius ${seeds.radius[i]}`)
    }
    const pieces = createRunList(4)
    const owner = createSeedCutter().cut(runs, seeds, pieces)
    assert.equal(runArea(pieces), runArea(runs))
    for (let i = 0; i < pieces.count; i++) {
      for (let x = pieces.x0[i]!; x < pieces.x1[i]!; x++) {
        const power = Array.from(
          { length: 3 },
          (_, s) => (seeds.x[s]! - x - 0.5) ** 2 + (seeds.y[s]! - pieces.y[i]! - 0.5) ** 2 - seeds.radius[s]! ** 2,
        )
        assert.ok(power[owner[i]!]! <= Math.min(...power) + 1e-9)
      }
    }
  })
})

describe('traceOutline', () => {
  it('encloses exactly the area of a region without holes, along pixel corners, from its base row', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = randomFrom(seed)
        const image = drawBed(40, 40)
        for (let i = 0; i < 4; i++) drawDisc(image, 8 + random() * 24, 8 + random() * 24, 2 + random() * 6, 200)
        const runs = regionOf(image)
        const filler = createHoleFiller()
        const filled = createRunList(4)
        filler.find(runs)
        filler.fill(runs, () => true, filled)
        let enclosed = 0
        for (const ring of traceOutline(filled, 1000)) {
          assert.ok(ring.every(Number.isInteger) && ring.length >= 8)
          enclosed += shoelace(ring)
          for (let i = 1; i < ring.length; i += 2) assert.ok(ring[i]! >= 1000 && ring[i]! <= 1040)
        }
        assert.equal(enclosed, runArea(filled))
      }),
      { numRuns: 200 },
    )
  })

  it('joins diagonal neighbours in one ring and starts another one for what is apart', () => {
    const image = drawBed(20, 20)
    for (const [x, y] of [
      [3, 3],
      [4, 4],
      [5, 5],
      [12, 12],
    ] as const)
      image.pixels[y * 20 + x] = 200
    const rings = traceOutline(regionOf(image), 0)
    assert.deepEqual(rings.map(shoelace), [3, 1])
    assert.deepEqual(Array.from(rings[1]!), [12, 12, 13, 12, 13, 13, 12, 13])
  })

  function shoelace(ring: ArrayLike<number>): number {
    let twice = 0
    for (let i = 0; i < ring.length; i += 2) {
      const j = (i + 2) % ring.length
      twice += ring[i]! * ring[j + 1]! - ring[j]! * ring[i + 1]!
    }
    return twice / 2
  }
})
