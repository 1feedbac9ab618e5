import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSegmenter } from './create-segmenter.ts'
import { type DrawnImage, drawBed, drawBox, drawDisc, randomFrom } from './drawn-image.ts'
import { type DrawnPellet, drawnSettings, pelletsOf, segmentDrawn } from './segment-drawn.ts'

const reasons = (pellets: readonly DrawnPellet[]) => pellets.map((pellet) => pellet.reason)

describe('createSegmenter oversize, dust and shedding', () => {
  it('closes a component that stays open too long once, and makes what hangs on part of it', () => {
    const image = drawBed(100, 400)
    drawBox(image, 40, 10, 20, 300, 200)
    drawBox(image, 55, 200, 30, 30, 200)
    drawDisc(image, 50, 350, 15, 200)
    const settings = { ...drawnSettings, maxPelletRows: 80 }
    for (const heights of [[], [50, 1, 39, 100, 60]]) {
      const { pellets } = segmentDrawn(image, settings, heights)
      assert.deepEqual(
        pellets.map(({ reason, y, height }) => ({ reason, y, height })),
        [
          { reason: 'oversize', y: 10, height: 81 },
          { reason: 'judged', y: 335, height: 30 },
        ],
      )
    }
  })

  it('counts a pellet that joins the rest of an oversize component as oversize too', () => {
    const image = drawBed(100, 300)
    drawBox(image, 20, 10, 10, 250, 200)
    drawBox(image, 60, 150, 20, 40, 200)
    drawBox(image, 30, 180, 30, 10, 200)
    const { pellets } = segmentDrawn(image, { ...drawnSettings, maxPelletRows: 80 })
    assert.deepEqual(reasons(pellets), ['oversize', 'oversize'])
  })

  it('calls a pellet whose box does not fit the crop oversize', () => {
    const image = drawBed(120, 120)
    drawDisc(image, 60, 60, 26, 200)
    assert.deepEqual(reasons(segmentDrawn(image, { ...drawnSettings, medianAreaPx: 2000 }).pellets), ['oversize'])
    assert.deepEqual(reasons(segmentDrawn(image, { ...drawnSettings, medianAreaPx: 2000, cropScale: 0.88 }).pellets), [
      'judged',
    ])
  })

  it('counts dust and threads apart', () => {
    const image = drawBed(300, 200)
    for (let i = 0; i < 10; i++) drawDisc(image, 20 + 25 * i, 20, 3, 200)
    drawBox(image, 20, 100, 200, 6, 200)
    const { pellets, dust } = segmentDrawn(image)
    assert.equal(pellets.length, 0)
    assert.equal(dust, 11)
  })

  it('sheds pellets beyond the limit with a count and finds the next strip whole', () => {
    const image = drawBed(600, 300)
    for (let i = 0; i < 10; i++) {
      drawDisc(image, 30 + 55 * i, 50, 20, 200)
      drawDisc(image, 30 + 55 * i, 200, 20, 200)
    }
    const settings = { ...drawnSettings, maxPelletsPerStrip: 12 }
    const cut = segmentDrawn(image, settings, [150])
    assert.deepEqual({ found: cut.pellets.length, shed: cut.shed }, { found: 20, shed: 0 })
    const whole = segmentDrawn(image, settings)
    assert.deepEqual({ found: whole.pellets.length, shed: whole.shed }, { found: 12, shed: 8 })
  })

  it('survives strips of noise and strips all bright, and finds the pellets of the strip after them', () => {
    const width = 512
    const good = drawBed(width, 200)
    for (let i = 0; i < 5; i++) drawDisc(good, 60 + 90 * i, 100, 20, 200)
    const random = randomFrom(7)
    const noise = drawBed(width, 400)
    const settings = { ...drawnSettings, maxPelletRows: 150, maxPelletsPerStrip: 500 }
    for (const share of [0.1, 0.35, 0.5, 0.6, 0.9]) {
      for (let i = 0; i < noise.pixels.length; i++) noise.pixels[i] = random() < share ? 255 : 0
      assertNextIsFine(noise, share)
    }
    assertNextIsFine(drawBed(width, 400, 255), 1)

    function assertNextIsFine(bad: DrawnImage, share: number) {
      const segmenter = createSegmenter({ width })
      const strip = { width, rowsLostBefore: 0 }
      const first = segmenter.push({ ...strip, pixels: bad.pixels, rows: bad.height, firstRow: 0 }, settings)
      assert.ok(first.pellets.count <= settings.maxPelletsPerStrip)
      const gap = new Uint8Array(width * 8)
      segmenter.push({ ...strip, pixels: gap, rows: 8, firstRow: bad.height }, settings)
      const next = segmenter.push(
        { ...strip, pixels: good.pixels, rows: good.height, firstRow: bad.height + 8 },
        settings,
      )
      assert.deepEqual(reasons(pelletsOf(next)), Array(5).fill('judged'), `after noise of ${share}`)
      assert.equal(next.neededFromRow, bad.height + 8 + good.height)
    }
  })
})
