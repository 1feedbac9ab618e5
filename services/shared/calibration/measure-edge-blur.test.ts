import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createTestRandom } from '../../../test/support/draw-belt.ts'
import { normalProbability } from '../statistics/normal-distribution.ts'
import { measureEdgeBlur } from './measure-edge-blur.ts'

const width = 80

/** An edge whose pixels are means over their width, seen through a Gaussian, with noise. */
function drawEdge(sigma: number, slope: number, at: number, noise: number, mirrored: boolean): Uint8Array {
  const random = createTestRandom(7)
  const rows = 64
  const pixels = new Uint8Array(width * rows)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < width; column++) {
      let share = 0
      for (let k = 0; k < 5; k++) share += normalProbability((column + (k - 2) / 5 - at - slope * row) / sigma) / 5
      const gray = 40 + 150 * (mirrored ? 1 - share : share) + noise * (random() + random() + random() - 1.5) * 2
      pixels[row * width + column] = Math.round(gray)
    }
  }
  return pixels
}

test('the blur of an upright or slanted edge is measured within a twentieth of a pixel', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.5, max: 2.5, noNaN: true }),
      fc.double({ min: -0.1, max: 0.1, noNaN: true }),
      fc.double({ min: 35, max: 45, noNaN: true }),
      fc.boolean(),
      (sigma, slope, at, mirrored) => {
        const measured = measureEdgeBlur(drawEdge(sigma, slope, at, 3, mirrored), width, 255, 'edge.png')
        assert.ok(Math.abs(measured - sigma) < 0.05 + 0.03 * sigma, `${sigma} was measured as ${measured}`)
      },
    ),
    { numRuns: 12 },
  )
})

test('a picture without an edge, with one at the side or of too few rows is refused by name', () => {
  const refused = (pixels: Uint8Array, message: RegExp) =>
    assert.throws(() => measureEdgeBlur(pixels, width, 255, 'edge.png'), { code: 'invalid_argument', message })
  refused(new Uint8Array(width * 64).fill(90), /edge\.png shows no edge/)
  refused(drawEdge(0.8, 0, 5, 1, false), /closer than 10 px/)
  refused(drawEdge(0.8, 0, 40, 1, false).subarray(0, width * 10), /80 x 10 px/)
})
