import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { measureMm } from './measure-mm.ts'

/** Outline of an ellipse in px; many corners, so that its polygon is near enough. */
function ellipse(centreX: number, centreY: number, radiusX: number, radiusY: number): number[] {
  return Array.from({ length: 720 }, (_, i) => [
    centreX + radiusX * Math.cos((Math.PI * i) / 360),
    centreY + radiusY * Math.sin((Math.PI * i) / 360),
  ]).flat()
}

function near(actual: number, expected: number, relative = 1e-3): void {
  assert.ok(Math.abs(actual - expected) <= relative * expected, `${actual} is not ${expected}`)
}

describe('measureMm', () => {
  it('a disc on the product is a disc although the pixels are not square', () => {
    const measures = measureMm([ellipse(5000, 30_000_000, 20, 40)], { acrossUm: 50, alongUm: 25 })
    near(measures.equivalentDiameterMm, 2)
    near(measures.lengthMm, 2)
    near(measures.widthMm, 2)
    near(measures.aspectRatio, 1)
    near(measures.roundness, 1)
    near(measures.areaMm2, Math.PI)
  })

  it('an ellipse has its axes as length and width', () => {
    const measures = measureMm([ellipse(100, 100, 30, 10)], { acrossUm: 100, alongUm: 100 })
    near(measures.lengthMm, 6)
    near(measures.widthMm, 2)
    near(measures.roundness, 1 / 3)
  })

  it('moments of a pixel outline are those of its pixels as squares', () => {
    const square = measureMm([[3, 4, 3, 8, 7, 8, 7, 4]], { acrossUm: 1000, alongUm: 1000 })
    near(square.areaMm2, 16, 1e-12)
    near(square.lengthMm, 4 * Math.sqrt(16 / 12), 1e-12)
  })
})
