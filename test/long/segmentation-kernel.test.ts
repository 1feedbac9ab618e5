import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createSegmenter } from '../../services/roi-segmentation/kernel/create-segmenter.ts'
import { createWasmSegmenter } from '../../services/roi-segmentation/kernel/create-wasm-segmenter.ts'
import { drawRandomRun, findDifference, readRandomRun } from '../../services/roi-segmentation/kernel/random-strips.ts'
import { segmentDrawn } from '../../services/roi-segmentation/kernel/segment-drawn.ts'

// Takes about an hour, so it is in no default suite: node_modules/.bin/node --test test/long/segmentation-kernel.test.ts
const limits = { maxWidth: 120, maxRows: 120 }
const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 })

test('the WebAssembly kernel gives the columns and crops of the reference on a million small random strips', () => {
  const property = fc.property(seeds, (seed) => {
    const expected = readRandomRun(seed, limits, createSegmenter)
    const found = readRandomRun(seed, limits, createWasmSegmenter)
    assert.equal(findDifference(expected, found), undefined)
  })
  fc.assert(property, { numRuns: 1_000_000, endOnFailure: true })
})

test('the WebAssembly kernel gives the same pellets of 100,000 random images, however rows are cut into strips', () => {
  const heights = fc.array(fc.nat(40), { maxLength: 30 })
  const property = fc.property(seeds, heights, (seed, cuts) => {
    const { image, settings } = drawRandomRun(seed, limits)
    // What is shed is a matter of the strip, not of the image.
    const all = { ...settings, maxPelletsPerStrip: 1_000_000 }
    const read = (at: readonly number[]) => {
      const { pellets, dust } = segmentDrawn(image, all, at, createWasmSegmenter({ width: image.width }))
      return { pellets, dust }
    }
    assert.equal(findDifference(read([]), read(cuts)), undefined)
  })
  fc.assert(property, { numRuns: 100_000, endOnFailure: true })
})
