import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createSegmenter } from '../create-segmenter.ts'
import { type DrawnImage, drawBed, drawBox, drawDisc, drawEllipse, randomFrom } from '../drawn-image.ts'
import { type DrawnPellet, drawnSettings, segmentDrawn } from '../segment-drawn.ts'
import type { SegmentationSettings } from '../types.ts'

const edges: SegmentationSettings = { ...drawnSettings, bedLevel: 10, method: 'edges' }
const reasons = (pellets: readonly DrawnPellet[]) => pellets.map((pellet) => pellet.reason)

describe('createSegmenter by edges', () => {
  it('gives identical columns, crops and outlines however rows are cut', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 31 }),
        fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 60 }),
        fc.integer({ min: 15, max: 120 }),
        fc.integer({ min: 0, max: 60 }),
        (seed, heights, maxPelletRows, bedLevel) => {
          const image = randomImage(seed)
          const settings = { ...edges, medianAreaPx: 314, minAreaPx: 20, maxPelletRows, bedLevel }
          const whole = segmentDrawn(image, settings)
          const cut = segmentDrawn(image, settings, heights)
          assert.deepEqual({ ...cut, perStrip: [] }, { ...whole, perStrip: [] })
        },
      ),
      { numRuns: 80 },
    )
  })

  it('claims no pixel for two pellets', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
        const random = randomFrom(seed)
        const image = drawBed(160, 160, 10)
        // Gaps of one to four pixels between discs in a row, so that their neighbourhoods overlap.
        for (let y = 20; y < 150; y += 30) {
          for (let x = 20; x < 150; x += 20 + Math.floor(random() * 4)) drawDisc(image, x, y, 9.5, 120 + 100 * random())
        }
        const { pellets } = segmentDrawn(image, { ...edges, medianAreaPx: 284, minAreaPx: 20 })
        assert.ok(pellets.length >= 20)
        const owner = new Int32Array(160 * 160).fill(-1)
        for (const [i, pellet] of pellets.entries()) {
          for (const at of pixelsOf(pellet, 160)) {
            assert.equal(owner[at], -1, `pixel ${at} belongs to two pellets`)
            owner[at] = i
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  it('takes the pixels of a sharp disc to within half a pixel of its rim, whatever its contrast', () => {
    for (const gray of [80, 120, 200, 255]) {
      const image = drawBed(100, 100, 10)
      drawDisc(image, 50, 50, 20, gray)
      const { pellets } = segmentDrawn(image, edges)
      assert.deepEqual(reasons(pellets), ['judged'])
      const radius = pellets[0]!.equivalentDiameterPx / 2
      assert.ok(Math.abs(radius - 20) < 0.5, `gray ${gray}: radius ${radius}`)
    }
  })

  it('finds a pellet that is too dim for the threshold', () => {
    const image = drawBed(100, 100, 10)
    drawDisc(image, 50, 50, 20, 90)
    assert.equal(segmentDrawn(image, { ...edges, method: 'regions' }).pellets.length, 0)
    assert.deepEqual(reasons(segmentDrawn(image, edges).pellets), ['judged'])
  })

  it('keeps a pellet that is steepest far outside its component', () => {
    const image = drawBed(100, 100, 10)
    for (let i = 0; i < image.pixels.length; i++) {
      const distance = Math.hypot((i % 100) + 0.5 - 50, Math.floor(i / 100) + 0.5 - 50)
      image.pixels[i] = 10 + Math.round(190 / (1 + Math.exp((distance - 20) / 2)))
    }
    // The bed seems bright, as where the light is uneven: components begin 4 px inside the pellet's edge.
    const { pellets } = segmentDrawn(image, { ...edges, threshold: 190, bedLevel: 170 })
    assert.deepEqual(reasons(pellets), ['judged'])
  })

  it('leaves a haze around pellets out of them and tells the pellets in it apart', () => {
    const image = drawBed(200, 120, 10)
    for (let y = 0; y < 120; y++) {
      for (let x = 0; x < 200; x++) {
        const d = Math.hypot((x - 100) / 80, (y - 60) / 50)
        image.pixels[y * 200 + x] = 10 + Math.round(110 * Math.max(0, 1 - d * d))
      }
    }
    for (const x of [55, 100, 145]) drawDisc(image, x, 60, 18, 220)
    const settings = { ...edges, medianAreaPx: 1018 }
    const byEdges = segmentDrawn(image, settings).pellets
    assert.deepEqual(reasons(byEdges), ['judged', 'judged', 'judged'])
    for (const { areaPx } of byEdges) assert.ok(Math.abs(areaPx - 1018) < 60, `${areaPx} px`)
    const byRegions = segmentDrawn(image, { ...settings, method: 'regions' }).pellets
    assert.ok(byRegions.some(({ areaPx }) => Math.abs(areaPx - 1018) >= 60))
  })

  it('counts a glow without an edge as dust', () => {
    const image = drawBed(200, 200, 10)
    for (let y = 0; y < 200; y++) {
      for (let x = 0; x < 200; x++) {
        image.pixels[y * 200 + x] = 10 + Math.round(120 * Math.exp(-((x - 100) ** 2 + (y - 100) ** 2) / 1800))
      }
    }
    assert.equal(segmentDrawn(image, { ...edges, method: 'regions' }).pellets.length, 1)
    const { pellets, dust } = segmentDrawn(image, edges)
    assert.deepEqual({ found: pellets.length, dust }, { found: 0, dust: 1 })
  })

  it('keeps dark specks inside and on the rim in the pellet', () => {
    const image = drawBed(160, 100, 10)
    drawDisc(image, 45, 50, 20, 200)
    drawDisc(image, 42, 53, 5, 20)
    drawDisc(image, 110, 50, 20, 200)
    drawDisc(image, 126, 58, 5, 30)
    const { pellets } = segmentDrawn(image, edges)
    assert.deepEqual(reasons(pellets), ['judged', 'judged'])
    for (const { areaPx } of pellets) assert.ok(areaPx > 1200, `${areaPx} px`)
  })

  it('marks what the edges of sensor and run cut, and finds it whole up to there', () => {
    const image = drawBed(200, 200, 10)
    drawDisc(image, 100, 5, 15, 200)
    drawDisc(image, 3, 100, 15, 200)
    drawDisc(image, 197, 100, 15, 200)
    drawDisc(image, 100, 195, 15, 200)
    const { pellets } = segmentDrawn(image, { ...edges, medianAreaPx: 707 })
    assert.deepEqual(reasons(pellets), ['imageEdge', 'imageEdge', 'imageEdge', 'imageEdge'])
    assert.deepEqual(
      pellets.map(({ x, y }) => x === 0 || y === 0 || x > 150 || y > 150),
      [true, true, true, true],
    )
    for (const { areaPx } of pellets) assert.ok(areaPx > 380 && areaPx < 560, `${areaPx} px`)
  })

  it('reports what would cost too much to look at as clusters, and finds the pellets after it', () => {
    const image = drawBed(256, 900, 10)
    // Boxes of parallel diagonals lie over each other: together they are many times the sensor.
    for (let i = 0; i < 20; i++) {
      for (let x = 1; x < 255; x++) drawBox(image, x, 12 * i + x, 1, 5, 200)
    }
    for (let i = 0; i < 4; i++) drawDisc(image, 40 + 55 * i, 800, 20, 200)
    const { pellets, dust } = segmentDrawn(image, edges)
    const clusters = pellets.filter(({ reason }) => reason === 'cluster').length
    assert.ok(clusters > 5 && clusters + dust === 20, `${clusters} clusters, ${dust} threads`)
    assert.equal(pellets.filter(({ reason, y }) => reason === 'judged' && y > 700).length, 4)
  })

  it('refuses an unknown method as invalid_argument', () => {
    const strip = { pixels: new Uint8Array(640), width: 64, rows: 10, firstRow: 0, rowsLostBefore: 0 }
    const settings = { ...edges, method: 'colours' as 'edges' }
    assert.throws(() => createSegmenter({ width: 64 }).push(strip, settings), { code: 'invalid_argument' })
  })
})

/** The pixels of a pellet whose outline rings enclose no hole. */
function pixelsOf(pellet: DrawnPellet, width: number): number[] {
  const pixels: number[] = []
  for (const ring of pellet.outline) {
    for (let y = pellet.y; y < pellet.y + pellet.height; y++) {
      const crossings: number[] = []
      for (let i = 0; i < ring.length; i += 2) {
        const x = ring[i]!
        const from = ring[i + 1]!
        const to = ring[(i + 3) % ring.length]!
        if (Math.min(from, to) <= y && Math.max(from, to) > y) crossings.push(x)
      }
      crossings.sort((a, b) => a - b)
      for (let i = 0; i < crossings.length; i += 2) {
        for (let x = crossings[i]!; x < crossings[i + 1]!; x++) pixels.push(y * width + x)
      }
    }
  }
  return pixels
}

/** Discs and ellipses that touch, haze, specks, dust, noise and streaks, on 120 x 160 px. */
function randomImage(seed: number): DrawnImage {
  const random = randomFrom(seed)
  const image = drawBed(120, 160, 5)
  if (random() < 0.5) drawDisc(image, random() * 120, random() * 160, 20 + random() * 30, 40 + random() * 80)
  for (let i = 0; i < 14; i++) {
    drawEllipse(
      image,
      random() * 120,
      random() * 160,
      6 + random() * 6,
      6 + random() * 6,
      random() * 3,
      60 + random() * 190,
    )
  }
  for (let i = 0; i < 6; i++) drawDisc(image, random() * 120, random() * 160, 1 + random() * 4, 10)
  if (random() < 0.3)
    drawBox(image, Math.floor(random() * 110), 10, 2 + Math.floor(random() * 8), Math.floor(random() * 150), 180)
  const noise = random() < 0.3 ? random() * 0.5 : 0.01
  for (let i = 0; i < image.pixels.length; i++) if (random() < noise) image.pixels[i] = Math.floor(random() * 256)
  return image
}
