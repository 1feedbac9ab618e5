import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createSegmenter } from '../../services/roi-segmentation/kernel/create-segmenter.ts'
import { createWasmSegmenter } from '../../services/roi-segmentation/kernel/create-wasm-segmenter.ts'
import { findDifference, readRandomRun } from '../../services/roi-segmentation/kernel/random-strips.ts'

// Takes an hour or two, so it is in no default suite: node_modules/.bin/node --test test/long/segmentation-kernel.test.ts
test('the WebAssembly kernel gives the columns and crops of the reference on a million small random strips', () => {
  const limits = { maxWidth: 120, maxRows: 120 }
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
      const expected = readRandomRun(seed, limits, createSegmenter)
      const found = readRandomRun(seed, limits, createWasmSegmenter)
      assert.equal(findDifference(expected, found), undefined)
    }),
    { numRuns: 1_000_000, endOnFailure: true },
  )
})
