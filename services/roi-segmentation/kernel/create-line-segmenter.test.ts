import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createLineSegmenter } from './create-line-segmenter.ts'
import { createSegmenter } from './create-segmenter.ts'
import { drawBed, drawDisc } from './drawn-image.ts'
import { findDifference, readRandomRun } from './random-strips.ts'
import { drawnSettings } from './segment-drawn.ts'

describe('createLineSegmenter', () => {
  it('finds what the reference alone finds, however often the method changes', () => {
    const limits = { maxWidth: 200, maxRows: 300, methods: true }
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
        const expected = readRandomRun(seed, limits, createSegmenter)
        const found = readRandomRun(seed, limits, createLineSegmenter)
        assert.equal(findDifference(expected, found), undefined)
      }),
      { numRuns: 300, endOnFailure: true },
    )
  })

  it('reports a pellet that lies across a change of method once', () => {
    const image = drawBed(100, 120, 10)
    drawDisc(image, 30, 50, 18, 200)
    drawDisc(image, 70, 75, 18, 200)
    const segmenter = createLineSegmenter({ width: 100 })
    const found: number[] = []
    for (const [from, to, method] of [
      [0, 55, 'regions'],
      [55, 80, 'edges'],
      [80, 120, 'regions'],
    ] as const) {
      const pixels = image.pixels.subarray(from * 100, to * 100)
      const strip = { pixels, width: 100, rows: to - from, firstRow: from, rowsLostBefore: 0 }
      const { pellets } = segmenter.push(strip, { ...drawnSettings, bedLevel: 10, method })
      found.push(...pellets.x)
    }
    found.push(...segmenter.flush({ ...drawnSettings, method: 'edges' }).pellets.x)
    assert.deepEqual(found, [12, 52])
  })

  it('refuses rows that are not the next ones, whichever method read the ones before', () => {
    const segmenter = createLineSegmenter({ width: 64 })
    const strip = { pixels: new Uint8Array(640), width: 64, rows: 10, firstRow: 0, rowsLostBefore: 0 }
    segmenter.push(strip, drawnSettings)
    const refused = { code: 'failed_precondition' }
    assert.throws(() => segmenter.push({ ...strip, firstRow: 11 }, { ...drawnSettings, method: 'edges' }), refused)
    assert.equal(segmenter.push({ ...strip, firstRow: 10 }, { ...drawnSettings, method: 'edges' }).neededFromRow, 20)
    assert.throws(() => segmenter.push({ ...strip, firstRow: 10 }, drawnSettings), refused)
  })
})
