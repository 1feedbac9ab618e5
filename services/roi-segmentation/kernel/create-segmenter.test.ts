import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createSegmenter } from './create-segmenter.ts'
import { type DrawnImage, drawBed, drawBox, drawDisc, drawEllipse, randomFrom } from './drawn-image.ts'
import { type DrawnPellet, drawnSettings, pelletsOf, segmentDrawn } from './segment-drawn.ts'
import type { SegmentationSettings } from './types.ts'

const reasons = (pellets: readonly DrawnPellet[]) => pellets.map((pellet) => pellet.reason)

describe('createSegmenter strip carry-over', () => {
  it('reports a pellet cut by one strip border once, by the strip that holds its margin', () => {
    const image = drawBed(100, 200)
    drawDisc(image, 50, 100, 20, 200)
    const { pellets, perStrip } = segmentDrawn(image, drawnSettings, [100, 21, 1, 1])
    // The last row of the disc is 119; row 121 closes it.
    assert.deepEqual(perStrip, [0, 0, 1, 0, 0, 0])
    assert.equal(pellets.length, 1)
    assert.deepEqual(pellets, segmentDrawn(image).pellets)
  })

  it('reports a pellet that spans five strips once, the same as uncut', () => {
    const image = drawBed(100, 120)
    drawEllipse(image, 50, 60, 14, 22, 0.3, 200)
    const cut = segmentDrawn(image, drawnSettings, [45, 8, 8, 8, 8])
    assert.equal(cut.pellets.length, 1)
    assert.deepEqual(cut.pellets, segmentDrawn(image).pellets)
  })

  it('gives identical columns, crops and outlines however rows are cut', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 31 }),
        fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 60 }),
        fc.constantFrom(1, 0.73),
        fc.integer({ min: 15, max: 120 }),
        (seed, heights, cropScale, maxPelletRows) => {
          const image = randomImage(seed)
          const specks = { bedLevel: 10, smallestSpeckPx: 1.5 }
          const settings = { ...drawnSettings, ...specks, medianAreaPx: 314, minAreaPx: 20, cropScale, maxPelletRows }
          const whole = segmentDrawn(image, settings)
          const cut = segmentDrawn(image, settings, heights)
          assert.deepEqual({ ...cut, perStrip: [] }, { ...whole, perStrip: [] })
        },
      ),
      { numRuns: 80 },
    )
  })

  it('orders the pellets of a strip by last row, then by leftmost x', () => {
    const image = drawBed(300, 100)
    drawDisc(image, 250, 40, 15, 200)
    drawDisc(image, 40, 45, 20, 200)
    drawDisc(image, 150, 40, 15, 200)
    const { pellets } = segmentDrawn(image)
    assert.deepEqual(
      pellets.map(({ x }) => x),
      [135, 235, 20],
    )
  })

  it('needs only the rows of open components, and the next row where none is open', () => {
    const image = drawBed(64, 100)
    drawDisc(image, 32, 50, 10, 200)
    const segmenter = createSegmenter({ width: 64 })
    const push = (firstRow: number, rows: number) =>
      segmenter.push(
        {
          pixels: image.pixels.slice(firstRow * 64, (firstRow + rows) * 64),
          width: 64,
          rows,
          firstRow,
          rowsLostBefore: 0,
        },
        drawnSettings,
      ).neededFromRow
    assert.equal(push(0, 30), 30)
    assert.equal(push(30, 20), 38)
    assert.equal(push(50, 11), 38)
    assert.equal(push(61, 39), 100)
  })
})

describe('createSegmenter borders and lost rows', () => {
  it('marks what touches the first and last row of the run and the edges of the sensor, and gives it no crop', () => {
    const image = drawBed(200, 200)
    drawDisc(image, 100, 5, 15, 200)
    drawDisc(image, 3, 100, 15, 200)
    drawDisc(image, 197, 100, 15, 200)
    drawDisc(image, 100, 195, 15, 200)
    drawDisc(image, 100, 100, 15, 200)
    const { pellets } = segmentDrawn(image)
    // Top, then left, middle and right, then bottom.
    assert.deepEqual(reasons(pellets), ['imageEdge', 'imageEdge', 'judged', 'imageEdge', 'imageEdge'])
    for (const pellet of pellets) {
      assert.equal(pellet.touchesBorder, pellet.reason !== 'judged')
      assert.equal(
        pellet.crop.some((gray) => gray > 0),
        pellet.reason === 'judged',
      )
    }
  })

  it('closes what is open before lost rows, and what begins right after them, as cut by lost rows', () => {
    const image = drawBed(100, 100)
    drawDisc(image, 30, 50, 20, 200)
    drawDisc(image, 75, 25, 15, 200)
    const segmenter = createSegmenter({ width: 100 })
    const rows = (from: number, to: number) => image.pixels.slice(from * 100, to * 100)
    const first = segmenter.push(
      { pixels: rows(0, 50), width: 100, rows: 50, firstRow: 0, rowsLostBefore: 0 },
      drawnSettings,
    )
    const second = segmenter.push(
      { pixels: rows(60, 100), width: 100, rows: 40, firstRow: 60, rowsLostBefore: 10 },
      drawnSettings,
    )
    assert.deepEqual(
      pelletsOf(first).map(({ reason, x, y, height }) => ({ reason, x, y, height })),
      [{ reason: 'judged', x: 60, y: 10, height: 30 }],
    )
    assert.deepEqual(
      pelletsOf(second).map(({ reason, y, height, touchesBorder }) => ({ reason, y, height, touchesBorder })),
      [
        { reason: 'lostRows', y: 30, height: 20, touchesBorder: true },
        { reason: 'lostRows', y: 60, height: 10, touchesBorder: true },
      ],
    )
  })

  it('keeps a pellet judged whose outline is complete when the rows of its margin are lost', () => {
    const image = drawBed(60, 60)
    drawDisc(image, 30, 30, 15, 200)
    const segmenter = createSegmenter({ width: 60 })
    const pixels = image.pixels.slice(0, 46 * 60)
    segmenter.push({ pixels, width: 60, rows: 46, firstRow: 0, rowsLostBefore: 0 }, drawnSettings)
    const after = segmenter.push(
      { pixels: new Uint8Array(60), width: 60, rows: 1, firstRow: 50, rowsLostBefore: 4 },
      drawnSettings,
    )
    assert.deepEqual(reasons(pelletsOf(after)), ['judged'])
  })

  it('begins a new run after a flush', () => {
    const image = drawBed(60, 60)
    drawDisc(image, 30, 30, 15, 200)
    const segmenter = createSegmenter({ width: 60 })
    const strip = { pixels: image.pixels, width: 60, rows: 60, rowsLostBefore: 0 }
    assert.equal(segmenter.push({ ...strip, firstRow: 7 }, drawnSettings).pellets.count, 1)
    assert.equal(segmenter.flush(drawnSettings).pellets.count, 0)
    const again = segmenter.push({ ...strip, firstRow: 1_000_000_000_000 }, drawnSettings)
    assert.equal(again.pellets.y[0], 1_000_000_000_015)
  })
})

describe('createSegmenter specks', () => {
  it('keeps a pellet with a dark speck inside as one with its full area', () => {
    const image = drawBed(100, 100)
    drawDisc(image, 50, 50, 20, 200)
    const whole = segmentDrawn(image).pellets[0]!
    drawDisc(image, 46, 52, 6, 10)
    const { pellets } = segmentDrawn(image)
    assert.deepEqual(reasons(pellets), ['judged'])
    assert.equal(pellets[0]!.areaPx, whole.areaPx)
  })

  it('keeps a black speck on the rim inside outline and crop', () => {
    for (const angle of [0, 0.7, 1.6, 2.5, 3.4, 4.7, 5.5]) {
      const image = drawBed(100, 100)
      drawDisc(image, 50, 50, 20, 200)
      const before = segmentDrawn(image).pellets[0]!
      drawDisc(image, 50 + 17 * Math.cos(angle), 50 + 17 * Math.sin(angle), 5, 30)
      const { pellets } = segmentDrawn(image)
      assert.deepEqual(reasons(pellets), ['judged'])
      const dark = pellets[0]!.crop.filter((gray) => gray === 30).length
      assert.ok(dark >= 60, `at ${angle}: only ${dark} of the speck's pixels are in the crop`)
      assert.ok(pellets[0]!.areaPx >= 0.97 * before.areaPx)
    }
  })

  it('counts a bright grain inside a dark speck as dust, not as a pellet', () => {
    const image = drawBed(100, 100)
    drawDisc(image, 50, 50, 20, 200)
    drawDisc(image, 50, 50, 10, 10)
    drawDisc(image, 50, 50, 6, 200)
    const { pellets, dust } = segmentDrawn(image)
    assert.deepEqual(reasons(pellets), ['judged'])
    assert.equal(dust, 1)
  })

  it('leaves the bed beside a tail out of the outline', () => {
    const image = drawBed(120, 100)
    drawDisc(image, 40, 50, 18, 200)
    drawBox(image, 55, 49, 25, 3, 200)
    const bed = drawBed(120, 100)
    drawDisc(bed, 40, 50, 18, 200)
    const [pellet] = segmentDrawn(image).pellets
    const [bare] = segmentDrawn(bed).pellets
    assert.ok(pellet!.areaPx < bare!.areaPx + 3 * 25 + 40, `${pellet!.areaPx} px with tail, ${bare!.areaPx} without`)
  })
})

describe('createSegmenter clusters', () => {
  it('splits two, three and four touching pellets', () => {
    const r = 20
    for (const middles of [
      [
        [50, 50],
        [88, 60],
      ],
      [
        [50, 50],
        [89, 50],
        [69.5, 84],
      ],
      [
        [50, 50],
        [89, 50],
        [50, 89],
        [89, 89],
      ],
    ]) {
      const image = drawBed(160, 160)
      for (const [x, y] of middles) drawDisc(image, x!, y!, r, 200)
      const { pellets } = segmentDrawn(image)
      assert.deepEqual(
        reasons(pellets),
        middles.map(() => 'judged'),
      )
      for (const pellet of pellets) assert.ok(Math.abs(pellet.areaPx - 1257) < 60, `${pellet.areaPx} px`)
    }
  })

  it('splits touching pellets that carry dark specks inside and at the rim', () => {
    const image = drawBed(160, 120)
    drawDisc(image, 50, 50, 20, 200)
    drawDisc(image, 88, 52, 20, 200)
    drawDisc(image, 50, 52, 7, 10)
    drawDisc(image, 92, 68, 5, 10)
    const { pellets } = segmentDrawn(image)
    assert.deepEqual(reasons(pellets), ['judged', 'judged'])
  })

  it('does not cut a long convex pellet', () => {
    const image = drawBed(120, 120)
    drawEllipse(image, 60, 60, 32, 17, 0.6, 200)
    assert.equal(segmentDrawn(image).pellets.length, 1)
  })

  it('keeps the neighbour out of a crop beyond the margin of 2 px', () => {
    const image = drawBed(160, 120)
    drawDisc(image, 50, 60, 20, 200)
    drawDisc(image, 89, 60, 20, 120)
    const [left] = segmentDrawn(image).pellets
    const neighbour = left!.crop.filter((gray) => gray === 120).length
    const column = left!.crop.reduce((last, gray, i) => (gray === 120 ? Math.max(last, i % 50) : last), 0)
    assert.ok(neighbour > 0 && column <= 25 + Math.ceil(left!.width / 2) + 2, `${neighbour} px up to column ${column}`)
    assert.ok(neighbour < 60, `${neighbour} px of the neighbour`)
  })

  it('flags pellets that cannot be told apart as one cluster', () => {
    const image = drawBed(200, 200)
    // An angle of even thickness: its ridge never sinks, and it is far from convex.
    drawBox(image, 50, 50, 64, 30, 200)
    drawBox(image, 50, 50, 30, 64, 200)
    const { pellets } = segmentDrawn(image, { ...drawnSettings, cropScale: 0.5 })
    assert.deepEqual(reasons(pellets), ['cluster'])
    assert.ok(pellets[0]!.crop.every((gray) => gray === 0))
  })

  it('calls one large convex body oversize, and does not cut it into pellets', () => {
    const image = drawBed(300, 300)
    drawBox(image, 50, 50, 180, 90, 200)
    const settings = { ...drawnSettings, cropScale: 0.2 }
    assert.deepEqual(reasons(segmentDrawn(image, settings).pellets), ['oversize'])
  })
})

describe('createSegmenter refuses', () => {
  const settings = drawnSettings
  const strip = { pixels: new Uint8Array(640), width: 64, rows: 10, firstRow: 0, rowsLostBefore: 0 }
  const refused = (code: string, change: Partial<typeof strip>, others: Partial<SegmentationSettings> = {}) => {
    const segmenter = createSegmenter({ width: 64 })
    segmenter.push(strip, settings)
    assert.throws(
      () => segmenter.push({ ...strip, firstRow: 10, ...change }, { ...settings, ...others }),
      (error) => error instanceof PelletlineError && error.code === code,
    )
    // What was refused changed nothing.
    assert.equal(segmenter.push({ ...strip, firstRow: 10 }, settings).neededFromRow, 20)
  }

  it('rows of another width or with the wrong byte count as invalid_argument', () => {
    refused('invalid_argument', { width: 32 })
    refused('invalid_argument', { pixels: new Uint8Array(639) })
    refused('invalid_argument', { rows: 11 })
  })

  it('rows that are not the next ones as failed_precondition', () => {
    refused('failed_precondition', { firstRow: 0 })
    refused('failed_precondition', { firstRow: 11 })
    refused('failed_precondition', { firstRow: 10, rowsLostBefore: 1 })
  })

  it('settings outside their domain as invalid_argument', () => {
    refused('invalid_argument', {}, { threshold: 256 })
    refused('invalid_argument', {}, { medianAreaPx: 0 })
    refused('invalid_argument', {}, { cropScale: 1.1 })
    refused('invalid_argument', {}, { maxPelletRows: 0 })
    refused('invalid_argument', {}, { bedLevel: 256 })
    refused('invalid_argument', {}, { smallestSpeckPx: -1 })
    refused('invalid_argument', {}, { minSpeckContrast: 0.01 })
    assert.throws(() => createSegmenter({ width: 0 }), { code: 'invalid_argument' })
  })
})

/** Discs and ellipses that touch, specks, dust, noise and streaks, on 120 x 160 px. */
function randomImage(seed: number): DrawnImage {
  const random = randomFrom(seed)
  const image = drawBed(120, 160, 5)
  for (let i = 0; i < 14; i++) {
    drawEllipse(
      image,
      random() * 120,
      random() * 160,
      6 + random() * 6,
      6 + random() * 6,
      random() * 3,
      150 + random() * 100,
    )
  }
  for (let i = 0; i < 6; i++) drawDisc(image, random() * 120, random() * 160, 1 + random() * 4, 10)
  if (random() < 0.3)
    drawBox(image, Math.floor(random() * 110), 10, 2 + Math.floor(random() * 8), Math.floor(random() * 150), 180)
  const noise = random() < 0.3 ? random() * 0.5 : 0.01
  for (let i = 0; i < image.pixels.length; i++) if (random() < noise) image.pixels[i] = Math.floor(random() * 256)
  return image
}
