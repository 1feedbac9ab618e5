import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createKernelMemory } from '../../shared/wasm/start-kernel.ts'
import { createSegmenter } from './create-segmenter.ts'
import { createWasmSegmenter, type WasmSegmenter } from './create-wasm-segmenter.ts'
import { drawBed, drawDisc, drawEllipse, randomFrom } from './drawn-image.ts'
import { findDifference, readRandomRun } from './random-strips.ts'
import { drawnSettings } from './segment-drawn.ts'
import { takeStripPlace } from './wasm-kernel.ts'

/** One run in 32 is large; small ones hold the same cases at a fraction of the time. */
const limitsOf = (seed: number) => (seed % 32 === 0 ? { maxWidth: 512, maxRows: 256 } : { maxWidth: 160, maxRows: 64 })

describe('createWasmSegmenter', () => {
  it('gives the columns and crops of the reference on 10,000 random strips, however they are cut', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
        const limits = limitsOf(seed)
        const expected = readRandomRun(seed, limits, createSegmenter)
        const found = readRandomRun(seed, limits, createWasmSegmenter)
        assert.equal(findDifference(expected, found), undefined)
      }),
      { numRuns: 10_000, endOnFailure: true },
    )
  })

  it('gives what the reference gives in run after run, whatever was open as it was restarted', () => {
    const kernels = new Map<number, WasmSegmenter>()
    const restarted = ({ width, resumed }: { readonly width: number; readonly resumed: boolean }) => {
      const kernel = kernels.get(width) ?? createWasmSegmenter({ width })
      kernels.set(width, kernel)
      const bright = new Uint8Array(width * 20).fill(200)
      kernel.push({ pixels: bright, width, rows: 20, firstRow: 7, rowsLostBefore: 0 }, drawnSettings)
      kernel.restart(resumed)
      return kernel
    }
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
        const limits = { maxWidth: 40, maxRows: 120 }
        const expected = readRandomRun(seed, limits, createSegmenter)
        assert.equal(findDifference(expected, readRandomRun(seed, limits, restarted)), undefined)
      }),
      { numRuns: 300, endOnFailure: true },
    )
    assert.ok(kernels.size <= 40)
  })

  it('gives the columns and crops of the reference on 20 strips of full size, sparse, dense, and all noise', () => {
    const width = 8192
    const rows = 1024
    const settings = { ...drawnSettings, medianAreaPx: 900, maxPelletRows: 1024, bedLevel: 12, smallestSpeckPx: 3 }
    const reference = createSegmenter({ width })
    const kernel = createWasmSegmenter({ width })
    const place = takeStripPlace(kernel.memory, width * rows)
    for (let strip = 0; strip < 20; strip++) {
      const pixels = drawFullStrip(width, rows, strip)
      const placed = kernel.view(place.at, pixels.length)
      placed.set(pixels)
      const header = { width, rows, firstRow: strip * rows, rowsLostBefore: 0 }
      const expected = reference.push({ ...header, pixels }, settings)
      const found = kernel.push({ ...header, pixels: placed }, settings)
      assert.equal(findDifference(expected, found), undefined, `strip ${strip}`)
    }
  })

  it('does not grow its memory once it has seen the densest strip', () => {
    const width = 1000
    const rows = 256
    const strips = Array.from({ length: 8 }, (_, seed) => drawFullStrip(width, rows, seed))
    const kernel = createWasmSegmenter({ width })
    let firstRow = 0
    const lap = () => {
      for (const pixels of strips) {
        kernel.push({ pixels, width, rows, firstRow, rowsLostBefore: 0 }, drawnSettings)
        firstRow += rows
      }
    }
    // What is open at the end of a lap is open as the next one begins.
    lap()
    lap()
    const bytes = kernel.memory.buffer.byteLength
    for (let i = 0; i < 60; i++) lap()
    assert.equal(kernel.memory.buffer.byteLength, bytes)
  })

  it('reads a strip where it lies in its memory, and leaves it as it is', () => {
    const image = drawBed(101, 90)
    drawDisc(image, 50, 45, 20, 200)
    const kernel = createWasmSegmenter({ width: 101 })
    const place = takeStripPlace(kernel.memory, image.pixels.length)
    const placed = kernel.view(place.at, image.pixels.length)
    placed.set(image.pixels)
    const bytes = kernel.memory.buffer.byteLength
    const strip = { width: 101, rows: 90, firstRow: 0, rowsLostBefore: 0 }
    const { pellets } = kernel.push({ ...strip, pixels: placed }, { ...drawnSettings, maxPelletRows: 50 })
    assert.equal(pellets.count, 1)
    assert.equal(kernel.memory.buffer.byteLength, bytes)
    assert.deepEqual(Buffer.from(placed), Buffer.from(image.pixels))
  })

  it('sees a place in memory that grew in another thread unnoticed by this one', () => {
    const memory = createKernelMemory(2 ** 26)
    const grow = memory.grow.bind(memory)
    const before = memory.buffer
    const kernel = createWasmSegmenter({ width: 64, memory })
    const place = takeStripPlace(memory, 2 ** 21)
    const after = memory.buffer
    // What a thread has that missed the growth: the buffer of before, until it grows the memory itself.
    let seen = before
    Object.defineProperty(memory, 'buffer', { get: () => seen })
    Object.defineProperty(memory, 'grow', {
      value(pages: number) {
        seen = after
        return grow(pages)
      },
    })
    assert.equal(kernel.view(place.at, 2 ** 21).buffer, after)
  })

  it('refuses what the reference refuses, unchanged by it, and edges', () => {
    const settings = drawnSettings
    const strip = { pixels: new Uint8Array(640), width: 64, rows: 10, firstRow: 0, rowsLostBefore: 0 }
    const kernel = createWasmSegmenter({ width: 64 })
    kernel.push(strip, settings)
    const refused = (code: string, change: Partial<typeof strip>, others = {}) =>
      assert.throws(() => kernel.push({ ...strip, firstRow: 10, ...change }, { ...settings, ...others }), { code })
    refused('invalid_argument', { width: 32 })
    refused('invalid_argument', { pixels: new Uint8Array(639) })
    refused('failed_precondition', { firstRow: 11 })
    refused('invalid_argument', {}, { threshold: 256 })
    refused('unimplemented', {}, { method: 'edges' })
    assert.equal(kernel.push({ ...strip, firstRow: 10 }, settings).neededFromRow, 20)
    assert.throws(() => createWasmSegmenter({ width: 65_536 }), { code: 'invalid_argument' })
  })

  it('says resource_exhausted where its memory is at its maximum, and takes no further strip', () => {
    const width = 1024
    const rows = 200
    const random = randomFrom(3)
    const pixels = new Uint8Array(width * rows).map(() => (random() < 0.5 ? 255 : 0))
    const kernel = createWasmSegmenter({ width, memory: createKernelMemory(2 ** 21) })
    const strip = { pixels, width, rows, firstRow: 0, rowsLostBefore: 0 }
    const exhausted = (error: unknown) => error instanceof PelletlineError && error.code === 'resource_exhausted'
    assert.throws(() => kernel.push(strip, drawnSettings), exhausted)
    assert.throws(() => kernel.push({ ...strip, firstRow: rows }, drawnSettings), exhausted)
    assert.throws(() => kernel.push({ ...strip, pixels: new Uint8Array(width), rows: 1 }, drawnSettings), exhausted)
  })

  it('says internal where the kernel traps', () => {
    const kernel = createWasmSegmenter({ width: 64 })
    const strip = { pixels: new Uint8Array(640), width: 64, rows: 10, firstRow: 0, rowsLostBefore: 0 }
    kernel.push(strip, drawnSettings)
    // Its own variables now lead out of its memory.
    kernel.view(1024, 8192).fill(0xff)
    assert.throws(() => kernel.push({ ...strip, firstRow: 10 }, drawnSettings), { code: 'internal' })
  })
})

/** Strips in turn: pellets of 34 px across few and many, touching, nothing, pellets side by side everywhere, noise. */
function drawFullStrip(width: number, rows: number, seed: number) {
  const random = randomFrom(seed)
  const { pixels } = drawBed(width, rows, 12)
  const image = { pixels, width, height: rows }
  const area = width * rows
  const kind = seed % 5
  const pellets = [area / 16_000, area / 4000, area / 2500, 0, area / 1000][kind]!
  for (let i = 0; i < pellets; i++) {
    const x = random() * width
    const y = random() * rows
    drawEllipse(image, x, y, 14 + random() * 6, 14 + random() * 6, random() * 3, 130 + random() * 100)
    if (random() < 0.3) drawDisc(image, x + random() * 12, y, 1 + random() * 4, 30)
  }
  const noise = kind === 3 && seed > 3 ? 0.1 * (seed - 3) : 0.001
  for (let i = noise * pixels.length; i > 0; i--) pixels[Math.floor(random() * pixels.length)] = random() * 256
  return pixels
}
