import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createConvexChain, pushPoint } from './convex-chain.ts'
import { drawBed, drawBox, drawDisc, drawEllipse, randomFrom } from './drawn-image.ts'
import { spanPolygon } from './rotating-calipers.ts'
import { drawnSettings, segmentDrawn } from './segment-drawn.ts'

interface Point {
  readonly x: number
  readonly y: number
}

/** The hull of points in any order by two chains over rising y, as the meter builds it. */
function hullOf(points: readonly Point[]) {
  const sorted = points.toSorted((a, b) => a.y - b.y || a.x - b.x)
  const left = createConvexChain(2)
  const right = createConvexChain(2)
  for (const { x, y } of sorted) pushPoint(left, x, y, 1)
  for (const { x, y } of sorted) pushPoint(right, x, y, -1)
  const polygon = createConvexChain(2)
  const corners = [
    ...Array.from({ length: left.size }, (_, i) => ({ x: left.x[i]!, y: left.y[i]! })),
    ...Array.from({ length: Math.max(0, right.size - 2) }, (_, i) => right.size - 2 - i).map((i) => ({
      x: right.x[i]!,
      y: right.y[i]!,
    })),
  ]
  polygon.x = Float64Array.from(corners, ({ x }) => x)
  polygon.y = Float64Array.from(corners, ({ y }) => y)
  polygon.size = corners.length
  return polygon
}

/** Width of the points across the direction of each pair: the smallest of them is the minimum Feret diameter. */
function spanByTrial(points: readonly Point[]): { readonly longest: number; readonly shortest: number } {
  let longest = 0
  let shortest = Number.POSITIVE_INFINITY
  for (const a of points) {
    for (const b of points) {
      const length = Math.hypot(b.x - a.x, b.y - a.y)
      longest = Math.max(longest, length)
      if (length === 0) continue
      const heights = points.map((c) => ((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)) / length)
      shortest = Math.min(shortest, Math.max(...heights) - Math.min(...heights))
    }
  }
  return { longest, shortest }
}

describe('Feret diameters', () => {
  it('of a polygon are those found by trying every pair of points', () => {
    const points = fc.array(fc.record({ x: fc.integer({ min: 0, max: 12 }), y: fc.integer({ min: 0, max: 12 }) }), {
      minLength: 3,
      maxLength: 24,
    })
    fc.assert(
      fc.property(points, (list) => {
        const expected = spanByTrial(list)
        fc.pre(expected.longest > 0)
        const span = { longestSquared: 0, shortestSquared: 0 }
        spanPolygon(hullOf(list), span)
        assert.ok(Math.abs(Math.sqrt(span.longestSquared) - expected.longest) < 1e-9)
        assert.ok(Math.abs(Math.sqrt(span.shortestSquared) - expected.shortest) < 1e-9)
      }),
      { numRuns: 500 },
    )
  })

  it('of a box are its diagonal and its shorter side, edge to edge', () => {
    const image = drawBed(90, 60)
    drawBox(image, 20, 15, 44, 22, 201)
    const [pellet] = segmentDrawn(image, { ...drawnSettings, medianAreaPx: 968, cropScale: 0.9 }).pellets
    // The gray steps from 0 to 201 about the threshold 100: the level is passed half way between the centres.
    assert.ok(Math.abs(pellet!.feretWidthPx - 22) < 0.02, `width ${pellet!.feretWidthPx}`)
    assert.ok(Math.abs(pellet!.feretLengthPx - Math.hypot(44, 21)) < 0.5, `length ${pellet!.feretLengthPx}`)
    assert.equal(pellet!.solidity, 1)
    assert.equal(pellet!.graySpread, 0)
  })

  it('of blurred discs and ellipses are unbiased to a tenth of a pixel at any place and angle', () => {
    const random = randomFrom(5)
    let length = 0
    let width = 0
    const count = 60
    for (let i = 0; i < count; i++) {
      const a = 12 + 6 * random()
      const b = a * (0.7 + 0.3 * random())
      const image = drawSmoothEllipse(80, 40 + random(), 40 + random(), a, b, Math.PI * random())
      const [pellet] = segmentDrawn(image, { ...drawnSettings, medianAreaPx: Math.PI * a * b }).pellets
      const errors = [pellet!.feretLengthPx - 2 * a, pellet!.feretWidthPx - 2 * b]
      assert.ok(Math.max(...errors.map(Math.abs)) < 0.35, `${errors} for ${a} x ${b}`)
      length += errors[0]! / count
      width += errors[1]! / count
    }
    assert.ok(Math.abs(length) < 0.1, `length is off by ${length}`)
    assert.ok(Math.abs(width) < 0.1, `width is off by ${width}`)
  })

  it('of touching pellets end at the cut between them', () => {
    const image = drawBed(120, 70)
    drawDisc(image, 35, 35, 16, 201)
    drawDisc(image, 66, 35, 16, 201)
    const { pellets } = segmentDrawn(image, { ...drawnSettings, medianAreaPx: Math.PI * 256 })
    assert.equal(pellets.length, 2)
    for (const { feretLengthPx, feretWidthPx } of pellets) {
      assert.ok(Math.abs(feretLengthPx - 32) < 1, `length ${feretLengthPx}`)
      assert.ok(feretWidthPx > 30 && feretWidthPx < 32, `width ${feretWidthPx}`)
    }
  })
})

/** An ellipse of gray 200 on a bed of 0, each pixel the mean of 8 x 8 samples blurred by a box of 2 px. */
function drawSmoothEllipse(side: number, x: number, y: number, a: number, b: number, angle: number) {
  const fine = 8
  const large = drawBed(side * fine, side * fine)
  drawEllipse(large, x * fine, y * fine, a * fine, b * fine, angle, 200)
  const image = drawBed(side, side)
  for (let row = 1; row < side - 1; row++) {
    for (let column = 1; column < side - 1; column++) {
      let sum = 0
      for (let v = -fine / 2; v < 1.5 * fine; v++) {
        const line = (row * fine + v) * large.width + column * fine
        for (let u = -fine / 2; u < 1.5 * fine; u++) sum += large.pixels[line + u]!
      }
      image.pixels[row * side + column] = Math.round(sum / (4 * fine * fine))
    }
  }
  return image
}
