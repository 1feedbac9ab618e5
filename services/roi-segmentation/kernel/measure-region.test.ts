import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { drawBed, drawDisc, drawEllipse } from './drawn-image.ts'
import { drawnSettings, segmentDrawn } from './segment-drawn.ts'

describe('pellet measures', () => {
  it('of drawn discs are those of a disc', () => {
    for (const r of [10, 14.5, 20, 24]) {
      const image = drawBed(100, 100)
      drawDisc(image, 50.3, 49.8, r, 180)
      const [pellet] = segmentDrawn(image, { ...drawnSettings, medianAreaPx: Math.PI * r * r }).pellets
      assert.ok(Math.abs(pellet!.areaPx / (Math.PI * r * r) - 1) < 0.02, `area ${pellet!.areaPx} at r ${r}`)
      assert.ok(Math.abs(pellet!.equivalentDiameterPx - 2 * r) < 0.4, `diameter ${pellet!.equivalentDiameterPx}`)
      assert.ok(pellet!.aspectRatio >= 1 && pellet!.aspectRatio < 1.02, `aspect ratio ${pellet!.aspectRatio}`)
      assert.ok(Math.abs(pellet!.roundness - 1) < 0.02, `roundness ${pellet!.roundness}`)
      assert.equal(pellet!.meanGray, 180)
      assert.ok(Math.abs(pellet!.width - 2 * r) <= 1 && Math.abs(pellet!.height - 2 * r) <= 1)
    }
  })

  it('of drawn ellipses follow their axes at any angle', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 12, max: 20, noNaN: true }),
        fc.double({ min: 1, max: 1.9, noNaN: true }),
        fc.double({ min: 0, max: Math.PI, noNaN: true }),
        (minor, aspect, angle) => {
          const image = drawBed(120, 120)
          const major = minor * aspect
          drawEllipse(image, 60.2, 59.7, major, minor, angle, 200)
          const { pellets } = segmentDrawn(image, {
            ...drawnSettings,
            medianAreaPx: Math.PI * major * minor,
            cropScale: 0.5,
          })
          assert.equal(pellets.length, 1)
          const [pellet] = pellets
          assert.ok(Math.abs(pellet!.aspectRatio / aspect - 1) < 0.04, `${pellet!.aspectRatio} for ${aspect}`)
          assert.ok(Math.abs(pellet!.roundness - 1 / aspect) < 0.04, `${pellet!.roundness} for ${1 / aspect}`)
          assert.ok(Math.abs(pellet!.areaPx / (Math.PI * major * minor) - 1) < 0.03)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('mean gray is over the outline with its specks', () => {
    const image = drawBed(60, 60)
    drawDisc(image, 30, 30, 15, 200)
    const bright = segmentDrawn(image).pellets[0]!
    drawDisc(image, 30, 30, 5, 0)
    const specked = segmentDrawn(image).pellets[0]!
    const speck = image.pixels.filter(
      (gray, i) => gray === 0 && i % 60 > 20 && i % 60 < 40 && i > 20 * 60 && i < 40 * 60,
    ).length
    assert.equal(specked.areaPx, bright.areaPx)
    assert.ok(Math.abs(specked.meanGray - (200 * (bright.areaPx - speck)) / bright.areaPx) < 0.01)
  })
})
