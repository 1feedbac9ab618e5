import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import sharp from 'sharp'
import { annotateImage, chooseAnnotationScale, maxAnnotatedPixels } from './annotate-image.ts'
import { drawAnnotation, escapeXml, type PelletMark } from './annotation-svg.ts'
import { writeContactSheet } from './contact-sheet.ts'
import { placeLabels } from './place-labels.ts'
import { chooseScaleBar } from './scale-bar.ts'

const ring = [40, 40, 60, 40, 60, 60, 40, 60]
const mark = (state: PelletMark['state'], index: number, dx: number): PelletMark => ({
  index,
  state,
  box: { x: 40 + dx, y: 40, width: 20, height: 20 },
  outline: [ring.map((value, at) => (at % 2 === 0 ? value + dx : value))],
})

describe('chooseScaleBar', () => {
  it('is 1, 2 or 5 times a power of ten and as long as it says', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.5, max: 500, noNaN: true }),
        fc.integer({ min: 100, max: 30_000 }),
        (umPerPx, width) => {
          const bar = chooseScaleBar(umPerPx, width)
          assert.ok(bar.lengthPx <= width * 0.2 * (1 + 1e-9) && bar.lengthPx > width * 0.2 * 0.39)
          assert.ok(Math.abs(bar.lengthPx * umPerPx - bar.lengthMm * 1000) < 1e-6 * bar.lengthMm * 1000)
          assert.match(bar.label, /^(0\.)?0*[125]0* (mm|µm)$/)
        },
      ),
    )
  })
})

describe('placeLabels', () => {
  it('keeps labels on the canvas and off other boxes where there is room', () => {
    const boxes = [
      { x: 0, y: 0, width: 30, height: 30 },
      { x: 32, y: 0, width: 30, height: 30 },
    ]
    const [label] = placeLabels([{ box: boxes[0]!, width: 20, height: 12 }], boxes, { width: 200, height: 200 })
    assert.ok(label!.x >= 0 && label!.y >= 30, 'below is the only free side')
  })

  it('never puts two numbers of a row of pellets on each other', () => {
    const boxes = Array.from({ length: 12 }, (_, i) => ({ x: 20 + i * 34, y: 60, width: 30, height: 30 }))
    const labels = placeLabels(
      boxes.map((box) => ({ box, width: 26, height: 14 })),
      boxes,
      { width: 500, height: 200 },
    )
    for (const [i, a] of labels.entries()) {
      for (const b of labels.slice(i + 1)) {
        assert.ok(a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y)
      }
    }
  })
})

describe('drawAnnotation', () => {
  it('numbers the NG pellets only and counts each state in the legend', () => {
    const { overlay, legend } = drawAnnotation({
      width: 200,
      height: 100,
      scale: 1,
      marks: [mark('ng', 17, 0), mark('ok', 18, 40), mark('not-judged', 19, 80)],
      lightBed: false,
      caption: 'a<b>.png',
    })
    assert.match(overlay, />17<\/text>/)
    assert.doesNotMatch(overlay, />18<|>19</)
    assert.match(overlay, /stroke-dasharray/)
    for (const text of ['OK: 1', 'NG, numbered: 1', 'not judged: 1', 'a&lt;b&gt;.png']) assert.ok(legend.includes(text))
    assert.doesNotMatch(legend, /mm|µm/, 'no scale bar without a pixel size')
  })

  it('escapes what XML forbids', () => {
    assert.equal(escapeXml('a&b<c>"d"\u0001'), 'a&amp;b&lt;c&gt;&quot;d&quot;?')
  })
})

describe('annotateImage and writeContactSheet', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-annotate-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('draws orange on the outline of an NG pellet and blue on that of an OK one, on 16 bit input too', async () => {
    const file = join(folder, 'bed.png')
    await sharp(new Uint16Array(1300 * 1200).fill(0x2000), { raw: { width: 1300, height: 1200, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toFile(file)
    const target = join(folder, 'bed.annotated')
    const options = { file, target, width: 1300, height: 1200, lightBed: false, caption: 'bed.png' }
    const { path, scale } = await annotateImage({ ...options, marks: [mark('ng', 0, 0), mark('ok', 1, 100)] })
    assert.equal(path, `${target}.png`)
    assert.equal(scale, 1)
    const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true })
    assert.ok(info.height > 1200, 'the legend stands below')
    const at = (x: number, y: number) => [...data.subarray((y * info.width + x) * info.channels).subarray(0, 3)]
    const [ngRed, , ngBlue] = at(40, 50)
    const [okRed, , okBlue] = at(140, 50)
    assert.ok(ngRed! > ngBlue! + 100, `NG is orange: ${at(40, 50)}`)
    assert.ok(okBlue! > okRed! + 60, `OK is blue: ${at(140, 50)}`)
    assert.ok(Math.abs(at(600, 600)[0]! - 32) <= 2, 'the picture itself is unchanged')
  })

  it('scales by a whole number upwards, and down to the limit for huge images', () => {
    assert.equal(chooseAnnotationScale(478, 352), 2)
    assert.equal(chooseAnnotationScale(2550, 3509), 1)
    const scale = chooseAnnotationScale(8192, 40_000)
    assert.ok(8192 * 40_000 * scale ** 2 <= maxAnnotatedPixels * 1.001)
  })

  it('writes a contact sheet of the crops given', async () => {
    const path = join(folder, 'sheet.png')
    const crops = [0.9, 0.1].map((scoreNg, index) => ({
      index,
      scoreNg,
      ng: scoreNg > 0.5,
      pixels: new Uint8Array(2500).fill(200),
    }))
    await writeContactSheet({ crops, title: 'Two crops', path })
    const { width, height } = await sharp(path).metadata()
    assert.ok(width >= 5 * 150 && height > 150)
  })
})
