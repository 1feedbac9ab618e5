import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  addToEdgeProfile,
  addToHistogram,
  addToSamples,
  createEdgeProfile,
  createGrayHistogram,
  createGraySamples,
  cropScaleFor,
  estimateLight,
  estimateMedianArea,
  estimateSize,
  findComponents,
  fitBedSurface,
  invertGray,
  levelBed,
  looksSingle,
  meanSteps,
  thresholdCandidates,
} from './index.ts'

interface Scene {
  readonly pixels: Uint8Array
  readonly width: number
  readonly height: number
}

/** A bed with noise and a slope of light, and discs on it; levels given by functions of the place. */
function scene(options: {
  readonly size?: number
  readonly discs?: number
  readonly r?: number
  readonly bed?: number
  readonly noise?: number
  readonly slope?: number
  readonly pellet?: number
  readonly apart?: number
}): Scene {
  const { size = 400, discs = 0, r = 12, bed = 20, noise = 4, slope = 0, pellet = 170, apart = 30 } = options
  const random = generator(3)
  const normal = () => (random() + random() + random() + random() - 2) * 1.732
  const pixels = new Uint8Array(size * size)
  const columns = Math.floor(size / apart)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const cell = Math.floor(y / apart) * columns + Math.floor(x / apart)
      const on =
        Math.floor(x / apart) < columns && cell % Math.max(1, Math.floor(columns ** 2 / Math.max(1, discs))) === 0
      const disc = discs > 0 && on && Math.hypot((x % apart) + 0.5 - apart / 2, (y % apart) + 0.5 - apart / 2) <= r
      const level = (disc ? pellet + 12 * normal() : bed + noise * normal()) + (slope * x) / size
      pixels[y * size + x] = Math.max(0, Math.min(255, Math.round(level)))
    }
  }
  return { pixels, width: size, height: size }
}

function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 4294967296
  }
}

function lightOf({ pixels }: Scene) {
  const histogram = createGrayHistogram()
  addToHistogram(histogram, pixels)
  return estimateLight(histogram)
}

describe('estimateLight', () => {
  const between = (light: { threshold: number; confident: boolean }, low: number, high: number) => {
    assert.ok(light.confident, 'is confident')
    assert.ok(light.threshold > low && light.threshold < high, `threshold ${light.threshold}`)
  }

  it('finds the threshold at coverages from 0.3 % to 60 %', () => {
    for (const discs of [1, 3, 30, 100]) between(lightOf(scene({ discs })), 45, 140)
    const dense = lightOf(scene({ discs: 1000, r: 12.6, apart: 28 }))
    assert.ok(dense.coverage > 0.6)
    between(dense, 45, 140)
  })

  it('finds the threshold on a bed that was masked to zero', () => {
    for (const discs of [1, 100]) between(lightOf(scene({ discs, bed: -40, noise: 2 })), 20, 140)
  })

  it('finds the threshold under noise and under uneven light', () => {
    between(lightOf(scene({ discs: 20, noise: 12 })), 60, 150)
    between(lightOf(scene({ discs: 20, slope: 40 })), 60, 160)
  })

  it('tells dark pellets on a light bed from light ones on a dark bed', () => {
    const image = scene({ discs: 40 })
    assert.equal(lightOf(image).polarity, 'light-on-dark')
    invertGray(image.pixels)
    const light = lightOf(image)
    assert.equal(light.polarity, 'dark-on-light')
    between(light, 115, 210)
    assert.ok(light.bedLevel > 225 && light.pelletLevel < 100)
  })

  it('says that a bed alone is a bed: constant, with little and with much noise', () => {
    for (const noise of [0, 1, 4, 15, 30])
      assert.equal(lightOf(scene({ noise, bed: 100 })).confident, false, `noise ${noise}`)
    assert.equal(estimateLight(createGrayHistogram()).confident, false)
  })

  it('takes a polarity that is given', () => {
    const histogram = createGrayHistogram()
    addToHistogram(histogram, scene({ discs: 40 }).pixels)
    assert.equal(estimateLight(histogram, { polarity: 'dark-on-light' }).polarity, 'dark-on-light')
  })
})

describe('thresholdCandidates', () => {
  it('begins with the estimate and holds a level between a brighter part of the bed and the pellets', () => {
    const image = scene({ discs: 40, pellet: 150 })
    for (let y = 0; y < 400; y++) {
      for (let x = 0; x < 160; x++) image.pixels[y * 400 + x] = Math.min(255, image.pixels[y * 400 + x]! + 60)
    }
    const histogram = createGrayHistogram()
    const edges = createEdgeProfile()
    addToHistogram(histogram, image.pixels)
    addToEdgeProfile(edges, image.pixels, image.width, image.height)
    const light = estimateLight(histogram)
    const candidates = thresholdCandidates(histogram, light, meanSteps(edges))
    assert.equal(candidates[0], light.threshold)
    assert.ok(
      candidates.some((level) => level > 90 && level < 170),
      candidates.join(' '),
    )
  })
})

describe('meanSteps', () => {
  it('is the step over two pixels at the levels between a bed and a sharp edge', () => {
    const gray = Uint8Array.from([10, 10, 10, 110, 110, 110])
    const edges = createEdgeProfile()
    addToEdgeProfile(edges, gray, 6, 1)
    const steps = meanSteps(edges)
    assert.deepEqual([steps[9], steps[10], steps[109], steps[110]], [0, 100, 100, 0])
  })
})

describe('estimateMedianArea', () => {
  it('is the median of the singles among clusters and dust', () => {
    const singles = Array.from({ length: 61 }, (_, i) => 1000 + 10 * (i - 30))
    const clusters = [2010, 1980, 2050, 2990, 3050, 4100, 5200, 2100, 1900]
    const dust = Array.from({ length: 1000 }, (_, i) => 1 + (i % 60))
    assert.equal(estimateMedianArea(singles), 1000)
    const estimate = estimateMedianArea([...dust, ...clusters, ...singles])!
    assert.ok(Math.abs(estimate - 1000) < 30, `${estimate}`)
  })

  it('is undefined where there is nothing but noise of the sensor', () => {
    assert.equal(estimateMedianArea([]), undefined)
    assert.equal(estimateMedianArea([1, 2, 3, 8, 11]), undefined)
  })
})

describe('findComponents and estimateSize', () => {
  it('find the discs, tell a touching pair from them, and leave out what touches the border', () => {
    const image = scene({ size: 120, noise: 0 })
    const disc = (x0: number, y0: number, r: number) => {
      for (let y = 0; y < 120; y++)
        for (let x = 0; x < 120; x++) if (Math.hypot(x - x0, y - y0) <= r) image.pixels[y * 120 + x] = 200
    }
    disc(30, 30, 10)
    disc(70, 30, 10)
    disc(90, 33, 10)
    disc(60, 90, 11)
    disc(60, 0, 8)
    disc(20, 80, 1)
    const components = findComponents(image.pixels, 120, 120, 100)
    assert.deepEqual(
      components.map((component) => looksSingle(component)),
      [true, false, false, true],
    )
    const size = estimateSize(components)!
    assert.equal(size.singles, 2)
    assert.equal(size.largestBoxPx, 23)
    assert.equal(estimateSize(findComponents(new Uint8Array(100), 10, 10, 50)), undefined)
  })

  it('cropScaleFor is 1 where the largest pellet fits 46 px, and makes it fit otherwise', () => {
    assert.equal(cropScaleFor(46), 1)
    assert.equal(cropScaleFor(92), 0.5)
  })
})

describe('fitBedSurface and levelBed', () => {
  it('take a slope of light out of the bed, with pellets on it', () => {
    const image = scene({ discs: 60, slope: 70, noise: 3 })
    const light = lightOf(image)
    const samples = createGraySamples(image.width, image.height)
    for (let row = 0; row < image.height; row += 64) {
      const rows = Math.min(64, image.height - row)
      addToSamples(samples, image.pixels.subarray(row * image.width, (row + rows) * image.width), rows, row)
    }
    const surface = fitBedSurface(samples, light.threshold, light.polarity)!
    assert.ok(Math.abs(surface.range - 70) < 8, `range ${surface.range}`)
    const levelled = new Uint8Array(image.pixels.length)
    levelBed(image.pixels, surface, image.height, 0, levelled)
    const after = lightOf({ ...image, pixels: levelled })
    assert.ok(
      after.bedSpread < 6 && after.bedSpread < light.bedSpread / 2,
      `${after.bedSpread} after ${light.bedSpread}`,
    )
  })
})
