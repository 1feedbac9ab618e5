import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createTestRandom } from '../../../test/support/draw-belt.ts'
import {
  blurredDiscEnergy,
  blurSigmaPx,
  defaultSpeckDemand,
  detectableDiameterPx,
  detectionThreshold,
  leastSpeckPx,
  type SpeckDemand,
  type SpeckOptics,
  smallestSpeckPx,
  uncalibratedOptics,
} from './smallest-speck.ts'

const side = 21
const middle = 10

/** A disc of depth 1 as pixels see it: blurred by a Gaussian, smeared along, each pixel the mean over its square. */
function drawDisc(diameterPx: number, { blurPx, exposureBlurPx }: SpeckOptics, dx: number, dy: number): Float64Array {
  // Eight by eight samples a pixel, the disc first, then the blur by separable sums.
  const fine = 8
  const size = side * fine
  const disc = new Float64Array(size * size)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const u = (x + 0.5) / fine - middle - 0.5 - dx
      const v = (y + 0.5) / fine - middle - 0.5 - dy
      if (u * u + v * v <= (diameterPx / 2) ** 2) disc[y * size + x] = 1
    }
  }
  const gauss = kernelOf((offset) => Math.exp(-0.5 * (offset / fine / blurPx) ** 2), Math.ceil(4 * blurPx * fine))
  const way = Math.round((exposureBlurPx * fine) / 2)
  const box = kernelOf(() => 1, way)
  const blurred = pass(pass(pass(disc, size, gauss, 1), size, gauss, size), size, box, size)
  const pixels = new Float64Array(side * side)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      pixels[Math.floor(y / fine) * side + Math.floor(x / fine)]! += blurred[y * size + x]! / fine ** 2
    }
  }
  return pixels
}

function kernelOf(weight: (offset: number) => number, reach: number): number[] {
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => weight(i - reach))
  const sum = weights.reduce((total, value) => total + value, 0)
  return weights.map((value) => value / sum)
}

function pass(values: Float64Array, size: number, kernel: readonly number[], step: number): Float64Array {
  const reach = (kernel.length - 1) / 2
  return values.map((_, at) => {
    const place = step === 1 ? at % size : Math.floor(at / size)
    let sum = 0
    for (let k = -reach; k <= reach; k++) {
      if (place + k >= 0 && place + k < size) sum += kernel[k + reach]! * values[at + k * step]!
    }
    return sum
  })
}

/** Share of specks that a matched filter finds: the best answer within a pixel of the speck's place passes the threshold. */
function simulateDetection(diameterPx: number, optics: SpeckOptics, demand: SpeckDemand, trials: number): number {
  const random = createTestRandom(Math.round(diameterPx * 1000))
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const template = drawDisc(diameterPx, optics, 0, 0)
  const norm = Math.sqrt(template.reduce((sum, value) => sum + value * value, 0))
  const places = Array.from({ length: 6 }, () => drawDisc(diameterPx, optics, random() - 0.5, random() - 0.5))
  const depth = demand.contrast * demand.productGray
  const threshold = detectionThreshold(demand)
  let found = 0
  for (let trial = 0; trial < trials; trial++) {
    const speck = places[trial % places.length]!
    const seen = speck.map((share) => share * depth + optics.noiseSigma * normal())
    let best = Number.NEGATIVE_INFINITY
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) {
        let answer = 0
        for (let y = 2; y < side - 2; y++) {
          for (let x = 2; x < side - 2; x++) answer += template[y * side + x]! * seen[(y + dy) * side + x + dx]!
        }
        best = Math.max(best, answer / norm / optics.noiseSigma)
      }
    }
    if (best > threshold) found++
  }
  return found / trials
}

/** The diameter at which 90 % are found, by halving the range. */
function simulatedA90(optics: SpeckOptics, demand: SpeckDemand, around: number): number {
  let low = Math.max(0.4, around - 1)
  let high = around + 1
  for (let i = 0; i < 5; i++) {
    const diameter = (low + high) / 2
    if (simulateDetection(diameter, optics, demand, 180) < 0.9) low = diameter
    else high = diameter
  }
  return (low + high) / 2
}

describe('smallestSpeckPx', () => {
  it('agrees with a simulated matched filter on where 90 % are found, within three tenths of a pixel', () => {
    const cases: [SpeckOptics, Partial<SpeckDemand>][] = [
      [{ noiseSigma: 4, blurPx: 0.7, exposureBlurPx: 0 }, {}],
      [{ noiseSigma: 9, blurPx: 0.7, exposureBlurPx: 0 }, {}],
      [{ noiseSigma: 6, blurPx: 1.3, exposureBlurPx: 2 }, { contrast: 0.35 }],
      [{ noiseSigma: 8, blurPx: 0.5, exposureBlurPx: 1 }, { falseCallsPerMillion: 1000 }],
    ]
    for (const [optics, change] of cases) {
      const demand = { ...defaultSpeckDemand, ...change }
      const stated = detectableDiameterPx(optics, demand, 0)
      const simulated = simulatedA90(optics, demand, stated)
      assert.ok(
        Math.abs(stated - simulated) < 0.3,
        `${JSON.stringify(optics)}: ${stated} stated, ${simulated} simulated`,
      )
    }
  })

  it('allows no more false calls than stated, by a filter at every pixel of plain pellets', () => {
    const optics = { noiseSigma: 5, blurPx: 0.7, exposureBlurPx: 0 }
    // So many calls that a few hundred pellets of 100 px show them.
    const demand = { ...defaultSpeckDemand, falseCallsPerMillion: 200_000, pelletAreaPx: 100 }
    const template = drawDisc(2, optics, 0, 0)
    const norm = Math.sqrt(template.reduce((sum, value) => sum + value * value, 0))
    const random = createTestRandom(9)
    const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    let called = 0
    const pellets = 300
    for (let pellet = 0; pellet < pellets; pellet++) {
      const noise = Float64Array.from({ length: 20 * 20 }, normal)
      let best = Number.NEGATIVE_INFINITY
      for (let y = 0; y < 10; y++) {
        for (let x = 0; x < 10; x++) {
          let answer = 0
          for (let v = 0; v < 11; v++) {
            for (let u = 0; u < 11; u++) answer += template[(v + 5) * side + u + 5]! * noise[(y + v) * 20 + x + u]!
          }
          best = Math.max(best, answer / norm)
        }
      }
      if (best > detectionThreshold(demand)) called++
    }
    assert.ok(called > 0 && called <= 0.24 * pellets, `${called} of ${pellets}`)
  })

  it('sums the squares of a blurred disc as pixels show them', () => {
    for (const [diameter, blurPx] of [
      [1.5, 0.7],
      [3, 1],
      [6, 0.6],
    ] as const) {
      const optics = { noiseSigma: 1, blurPx, exposureBlurPx: 0 }
      const drawn = drawDisc(diameter, optics, 0.2, 0.3).reduce((sum, value) => sum + value * value, 0)
      const stated = blurredDiscEnergy(diameter, blurSigmaPx(optics))
      assert.ok(Math.abs(drawn / stated - 1) < 0.05, `${diameter}: ${drawn} drawn, ${stated} stated`)
    }
  })

  it('grows with noise and blur, shrinks with contrast, and stays within 2 and 1000 px', () => {
    const at = (optics: Partial<SpeckOptics>, demand: Partial<SpeckDemand> = {}) =>
      smallestSpeckPx({ ...uncalibratedOptics, ...optics }, { ...defaultSpeckDemand, ...demand })
    assert.ok(at({ noiseSigma: 10 }) > at({}))
    assert.ok(at({ blurPx: 2 }) > at({}))
    assert.ok(at({ exposureBlurPx: 6 }) > at({}))
    assert.ok(at({}, { contrast: 0.5 }) < at({}))
    assert.ok(at({}, { falseCallsPerMillion: 1000 }) < at({}))
    assert.equal(at({ noiseSigma: 0.1, blurPx: 0.1 }, { contrast: 0.9 }), leastSpeckPx)
    assert.equal(at({ noiseSigma: 1e9 }), 1000)
  })

  it('is about 3 px for a camera without a calibration', () => {
    const px = smallestSpeckPx(uncalibratedOptics, defaultSpeckDemand)
    assert.ok(px > 2.8 && px < 3.1, `${px}`)
  })
})
