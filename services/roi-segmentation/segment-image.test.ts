import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { encodeGrayPng } from '../shared/images/encode-gray-png.ts'
import { invertGray } from '../shared/vision/index.ts'
import { type DrawnImage, drawBed, drawBox, drawDisc, randomFrom } from './kernel/drawn-image.ts'
import { type GrayImage, segmentImage } from './segment-image.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelletline-image-test-'))
})
after(() => rm(folder, { recursive: true, force: true }))

/** Twelve discs, two of them touching, on a noisy bed; a slope of light may lie over all. */
function drawn(slope = 0): DrawnImage {
  const image = drawBed(400, 300, 25)
  for (let i = 0; i < 11; i++) drawDisc(image, 60 + (i % 4) * 90, 50 + Math.floor(i / 4) * 90, 18, 150)
  drawDisc(image, 60 + 35, 55, 18, 150)
  const random = randomFrom(11)
  for (let i = 0; i < image.pixels.length; i++) {
    const light = (slope * (i % 400)) / 400
    image.pixels[i] = Math.round(image.pixels[i]! + light + 6 * (random() + random() - 1))
  }
  return image
}

const counts = ({ pellets }: { pellets: readonly { notJudged: number }[] }) => [
  pellets.length,
  pellets.filter(({ notJudged }) => notJudged === 0).length,
]

describe('segmentImage', () => {
  it('finds light pellets on a dark bed and dark ones on a light bed, with crops in bright polarity', async () => {
    const image = drawn()
    const light = await segmentImage(image)
    assert.deepEqual(counts(light), [12, 12])
    assert.equal(light.light.polarity, 'light-on-dark')
    invertGray(image.pixels)
    const dark = await segmentImage(image)
    assert.equal(dark.light.polarity, 'dark-on-light')
    assert.deepEqual(counts(dark), [12, 12])
    assert.ok(dark.pellets[0]!.crop![25 * 50 + 25]! > 130)
  })

  it('levels a bed with uneven light', async () => {
    const result = await segmentImage(drawn(95))
    assert.ok(result.surface!.range > 80)
    assert.deepEqual(counts(result), [12, 12])
    for (const { areaPx } of result.pellets) assert.ok(Math.abs(areaPx - 1018) < 60, `${areaPx} px`)
  })

  it('gives the same pellets whatever the rows per strip, from memory and from a file', async () => {
    const image = drawn()
    const path = join(folder, 'drawn.png')
    await writeFile(path, await encodeGrayPng(image.pixels, 400, 300))
    const whole = await segmentImage(image)
    for (const rowsPerStrip of [1024, 41, 7]) {
      const cut = await segmentImage(path, { rowsPerStrip, pelletDiameterPx: 36, threshold: whole.light.threshold })
      const uncut = await segmentImage(image, { pelletDiameterPx: 36, threshold: whole.light.threshold })
      assert.deepEqual(
        cut.pellets.toSorted((a, b) => a.y + a.height - b.y - b.height || a.x - b.x),
        uncut.pellets,
      )
    }
  })

  it('finds no pellet on a constant image and on a bed with noise, and says so', async () => {
    const random = randomFrom(5)
    const images: GrayImage[] = [drawBed(300, 200, 0), drawBed(300, 200, 128), drawBed(300, 200, 255)]
    for (const spread of [3, 12, 40, 100]) {
      for (const slope of [0, 60]) {
        const bed = drawBed(300, 200)
        for (let i = 0; i < bed.pixels.length; i++) {
          const noise = spread * (random() + random() + random() - 1.5)
          bed.pixels[i] = Math.max(0, Math.min(255, Math.round(100 + noise + (slope * (i % 300)) / 300)))
        }
        images.push(bed)
      }
    }
    for (const [i, image] of images.entries()) {
      const result = await segmentImage(image)
      assert.equal(result.pellets.length, 0, `image ${i}`)
      assert.equal(result.settings, undefined)
    }
  })

  it('looks only in the region, reports places in the image, and counts what its edge cuts as not judged', async () => {
    const image = drawn()
    const whole = await segmentImage(image)
    const roi = { x: 145, y: 95, width: 215, height: 190 }
    const part = await segmentImage(image, { roi })
    assert.deepEqual(part.roi, roi)
    for (const pellet of part.pellets) {
      if (pellet.touchesBorder) continue
      const same = whole.pellets.find(({ x, y }) => Math.abs(x - pellet.x) <= 1 && Math.abs(y - pellet.y) <= 1)
      assert.ok(same !== undefined)
      assert.ok(pellet.outline[0]!.every((value, i) => (i % 2 === 0 ? value >= roi.x : value >= roi.y)))
    }
    assert.ok(part.pellets.some(({ touchesBorder, notJudged, crop }) => touchesBorder && notJudged === 3 && !crop))
  })

  it('takes threshold, polarity and diameter that are given', async () => {
    const image = drawn()
    const given = await segmentImage(image, { threshold: 90, pelletDiameterPx: 40, polarity: 'light-on-dark' })
    assert.equal(given.settings!.threshold, 90)
    assert.equal(Math.round(given.settings!.medianAreaPx), 1257)
    const dark = await segmentImage(image, { polarity: 'dark-on-light' })
    assert.equal(dark.light.polarity, 'dark-on-light')
    await assert.rejects(segmentImage(image, { threshold: 300 }), { code: 'invalid_argument' })
    await assert.rejects(segmentImage(image, { roi: { x: 390, y: 0, width: 20, height: 10 } }), {
      code: 'invalid_argument',
    })
  })

  it('scales crops where the largest pellet does not fit 46 px', async () => {
    const image = drawBed(500, 300, 10)
    for (let i = 0; i < 8; i++) drawDisc(image, 60 + (i % 4) * 110, 70 + Math.floor(i / 4) * 130, 40, 160)
    drawBox(image, 0, 0, 500, 2, 10)
    const result = await segmentImage(image)
    assert.ok(Math.abs(result.settings!.cropScale - 46 / 80) < 0.01)
    assert.deepEqual(counts(result), [8, 8])
  })
})
