import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { drawLitPellet, type LitPellet } from './draw-lit-pellet.ts'
import { drawBed, drawBox, drawDisc } from './drawn-image.ts'
import { drawnSettings, segmentDrawn } from './segment-drawn.ts'
import { maxSpecksPerPellet } from './types.ts'

const bed = 20
const settings = { ...drawnSettings, threshold: 80, bedLevel: bed, smallestSpeckPx: 3, minSpeckContrast: 0.25 }
const plain: LitPellet = {
  gray: 170,
  radiusPx: 18,
  dome: 0.3,
  tilt: 0.12,
  tiltAngle: 0.7,
  rimShadow: 0.2,
  gloss: 0.4,
  specks: [],
}
const lit = fc.record({
  gray: fc.integer({ min: 140, max: 200 }),
  radiusPx: fc.double({ min: 14, max: 22, noNaN: true }),
  dome: fc.double({ min: 0, max: 0.4, noNaN: true }),
  tilt: fc.double({ min: 0, max: 0.15, noNaN: true }),
  tiltAngle: fc.double({ min: 0, max: 6.28, noNaN: true }),
  rimShadow: fc.double({ min: 0, max: 0.4, noNaN: true }),
  gloss: fc.double({ min: 0, max: 0.5, noNaN: true }),
  specks: fc.constant([]),
})
const place = fc.record({
  diameterPx: fc.double({ min: 4, max: 9, noNaN: true }),
  contrast: fc.double({ min: 0.5, max: 0.95, noNaN: true }),
  angle: fc.double({ min: 0, max: 6.28, noNaN: true }),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
})
const seed = fc.integer({ min: 1, max: 1e6 })

function specksOf(pellet: LitPellet, noise: number, seed: number, over: object = {}) {
  const image = drawLitPellet(pellet, 64, bed, noise, seed)
  const { pellets } = segmentDrawn(image, { ...settings, medianAreaPx: Math.PI * pellet.radiusPx ** 2, ...over })
  assert.equal(pellets.length, 1)
  assert.equal(pellets[0]!.reason, 'judged')
  return pellets[0]!
}

describe('specks', () => {
  it('are not seen in gloss, shading, rim shadow and noise', () => {
    fc.assert(
      fc.property(lit, seed, (pellet, seed) => {
        assert.deepEqual(specksOf(pellet, 3, seed).specks, [])
      }),
      { numRuns: 60 },
    )
  })

  it('of known size and place within the pellet are found once, with diameter, contrast and middle', () => {
    fc.assert(
      fc.property(lit, place, seed, (pellet, { diameterPx, contrast, angle, share }, seed) => {
        const distance = share * (pellet.radiusPx - diameterPx / 2 - 4)
        const drawn = { x: distance * Math.cos(angle), y: distance * Math.sin(angle), diameterPx, contrast }
        const found = specksOf({ ...pellet, specks: [drawn] }, 3, seed)
        assert.equal(found.specks.length, 1)
        const [speck] = found.specks
        assert.ok(Math.abs(speck!.equivalentDiameterPx - diameterPx) < 0.9, `${speck!.equivalentDiameterPx} px`)
        assert.ok(Math.abs(speck!.x + found.x - 32.3 - drawn.x) < 0.6, `x ${speck!.x + found.x - 32.3}`)
        assert.ok(Math.abs(speck!.y + found.y - 32.3 - drawn.y) < 0.6, `y ${speck!.y + found.y - 32.3}`)
        // The lens mixes the speck's edge with what is round it, so the mean over it is less than the speck's own contrast.
        assert.ok(speck!.contrast > contrast - 0.22 && speck!.contrast < contrast + 0.08, `contrast ${speck!.contrast}`)
        assert.equal(speck!.atRim, false)
      }),
      { numRuns: 60 },
    )
  })

  it('that break through the rim are found at the rim, at any angle', () => {
    for (let i = 0; i < 24; i++) {
      const angle = (i * Math.PI) / 12
      const distance = plain.radiusPx - 2.4
      const speck = { x: distance * Math.cos(angle), y: distance * Math.sin(angle), diameterPx: 7, contrast: 0.95 }
      const { specks } = specksOf({ ...plain, gloss: 0, specks: [speck] }, 2, i + 1)
      assert.equal(specks.length, 1, `at ${i * 15} degrees`)
      assert.ok(specks[0]!.atRim)
      assert.ok(specks[0]!.areaPx > 12 && specks[0]!.areaPx < 46, `area ${specks[0]!.areaPx} at ${i * 15} degrees`)
    }
  })

  it('below the smallest diameter or contrast are refused, and none is measured without a smallest diameter', () => {
    const pellet = { ...plain, specks: [{ x: 3, y: -2, diameterPx: 6, contrast: 0.5 }] }
    assert.equal(specksOf(pellet, 2, 1).specks.length, 1)
    assert.equal(specksOf(pellet, 2, 1, { smallestSpeckPx: 7 }).specks.length, 0)
    assert.equal(specksOf(pellet, 2, 1, { minSpeckContrast: 0.6 }).specks.length, 0)
    assert.equal(specksOf(pellet, 2, 1, { smallestSpeckPx: 0 }).specks.length, 0)
  })

  it('of one pellet are listed from the largest on, at most 16, and all are counted', () => {
    const image = drawBed(140, 140, 20)
    drawDisc(image, 70, 70, 60, 180)
    for (let i = 0; i < 20; i++) {
      drawBox(image, 34 + 15 * (i % 5), 40 + 15 * Math.floor(i / 5), 4, i === 13 ? 6 : 4, 40)
    }
    const over = { medianAreaPx: Math.PI * 3600, cropScale: 0.35 }
    const [pellet] = segmentDrawn(image, { ...settings, ...over }).pellets
    assert.equal(pellet!.reason, 'judged')
    assert.equal(pellet!.specks.length, maxSpecksPerPellet)
    assert.deepEqual(
      pellet!.specks.map(({ areaPx }) => areaPx),
      [24, ...Array.from({ length: 15 }, () => 16)],
    )
    assert.equal(pellet!.speckCount, 20)
    assert.equal(pellet!.speckAreaPx, 19 * 16 + 24)
    const rest = pellet!.specks.slice(1)
    assert.deepEqual(
      rest,
      rest.toSorted((a, b) => a.y - b.y || a.x - b.x),
    )
  })

  it('are not measured in pellets that are not judged', () => {
    const image = drawBed(60, 60, 20)
    drawDisc(image, 15, 30, 18, 180)
    drawDisc(image, 15, 30, 4, 30)
    const [pellet] = segmentDrawn(image, { ...settings, medianAreaPx: Math.PI * 324 }).pellets
    assert.equal(pellet!.reason, 'imageEdge')
    assert.equal(pellet!.speckCount, 0)
  })

  it('are not seen in the bed between touching pellets and beside a tail', () => {
    const image = drawBed(130, 130, 20)
    drawDisc(image, 45, 45, 18, 170)
    drawDisc(image, 81, 45, 18, 170)
    drawDisc(image, 63, 76, 18, 170)
    const { pellets } = segmentDrawn(image, { ...settings, medianAreaPx: Math.PI * 324 })
    assert.equal(pellets.length, 3)
    for (const pellet of pellets) assert.deepEqual(pellet.specks, [])

    const tailed = drawBed(90, 90, 20)
    drawDisc(tailed, 45, 50, 18, 170)
    for (let i = 0; i < 8; i++) drawBox(tailed, 56 + i, 34 - i, 2, 2, 140)
    const [pellet] = segmentDrawn(tailed, { ...settings, medianAreaPx: Math.PI * 324 }).pellets
    assert.deepEqual(pellet!.specks, [])
  })
})
