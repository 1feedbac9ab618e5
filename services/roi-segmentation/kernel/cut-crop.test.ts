import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { cropSide } from '../../shared/inspection/crop.ts'
import { createSegmenter } from './create-segmenter.ts'
import { createWasmSegmenter } from './create-wasm-segmenter.ts'
import { type DrawnImage, drawBed, drawDisc } from './drawn-image.ts'
import { drawnSettings, segmentDrawn } from './segment-drawn.ts'
import type { Segmenter } from './types.ts'

describe('crop version 1', () => {
  it('is these bytes at scale 1 (cut-crop.golden-1.txt)', () => {
    assert.equal(dump(goldenCrop(19, 1)), golden('cut-crop.golden-1.txt'))
    assert.equal(sha256(goldenCrop(19, 1)), 'e46a0295f5d7fba983ebba1391a08646f325bc9dc988453a4eb97f6ce20278f1')
  })

  it('is these bytes at scale 0.8 (cut-crop.golden-0.8.txt)', () => {
    assert.equal(dump(goldenCrop(27, 0.8)), golden('cut-crop.golden-0.8.txt'))
    assert.equal(sha256(goldenCrop(27, 0.8)), 'ff3251d83a6a96c518c76efcbb1168df081d614c2e8dce0786471750bcb882a9')
  })

  it('is the same bytes by the WebAssembly kernel', () => {
    assert.equal(dump(goldenCrop(19, 1, createWasmSegmenter)), golden('cut-crop.golden-1.txt'))
    assert.equal(dump(goldenCrop(27, 0.8, createWasmSegmenter)), golden('cut-crop.golden-0.8.txt'))
  })

  it('at scale 1 is a plain copy around the middle of the box, 0 beyond the outline dilated by the disc of 2 px', () => {
    const image = textured(15)
    const { pellets } = segmentDrawn(image)
    const [pellet] = pellets
    assert.equal(pellets.length, 1)
    const { x, y, width, height, crop } = pellet!
    const inside = (column: number, row: number) => image.pixels[row * image.width + column]! > drawnSettings.threshold
    for (let j = 0; j < cropSide; j++) {
      for (let i = 0; i < cropSide; i++) {
        const column = x + (width >> 1) - 25 + i
        const row = y + (height >> 1) - 25 + j
        let near = false
        for (let dy = -2; dy <= 2; dy++) {
          for (let dx = -2; dx <= 2; dx++) if (dx * dx + dy * dy <= 4 && inside(column + dx, row + dy)) near = true
        }
        assert.equal(crop[j * cropSide + i], near ? image.pixels[row * image.width + column] : 0, `at ${i},${j}`)
      }
    }
  })

  it('at a smaller scale averages by area: an even gray stays what it is, and the sum follows the square of the scale', () => {
    const image = drawBed(160, 160)
    drawDisc(image, 80, 80, 40, 200)
    const [pellet] = segmentDrawn(image, { ...drawnSettings, medianAreaPx: 5000, cropScale: 0.55 }).pellets
    const middle = pellet!.crop[25 * cropSide + 25]
    const sum = pellet!.crop.reduce((total, gray) => total + gray, 0)
    assert.equal(middle, 200)
    assert.ok(Math.abs(sum / (200 * pellet!.areaPx * 0.55 ** 2) - 1) < 0.005, `sum ${sum}`)
  })

  it('keeps the pixels outside the sensor and before the run at 0', () => {
    const image = drawBed(42, 60, 30)
    drawDisc(image, 21, 21, 20, 200)
    const [pellet] = segmentDrawn(image).pellets
    assert.equal(pellet!.reason, 'judged')
    // The box begins at (1, 1): the margin of the crop would begin at -1.
    assert.equal(pellet!.crop[25 * cropSide + 25 - 21], 30)
    assert.equal(pellet!.crop[25 * cropSide + 25 - 22], 0)
    assert.equal(pellet!.crop[(25 - 22) * cropSide + 25], 0)
  })
})

/** A disc with a texture of whole numbers and two black specks, one on the rim, beside a neighbour that touches it. */
function textured(r: number): DrawnImage {
  const image = drawBed(160, 120, 12)
  drawDisc(image, 60, 60, r, 255)
  for (let i = 0; i < image.pixels.length; i++) {
    if (image.pixels[i] === 255) image.pixels[i] = 150 + ((i * 7) % 41) + ((i * 13) % 29)
    else image.pixels[i] = 5 + ((i * 5) % 17)
  }
  return image
}

function goldenCrop(
  r: number,
  cropScale: number,
  create: (options: { width: number }) => Segmenter = createSegmenter,
): Uint8Array {
  const image = textured(r)
  drawDisc(image, 60 + 2 * r - 1, 62, r, 140)
  drawDisc(image, 55, 56, 4, 20)
  drawDisc(image, 60, 60 - r + 2, 4, 25)
  const settings = { ...drawnSettings, cropScale, medianAreaPx: Math.round(Math.PI * r * r) }
  const { pellets } = segmentDrawn(image, settings, [], create({ width: image.width }))
  const pellet = pellets.find(({ x }) => x < 60)!
  assert.equal(pellet.reason, 'judged')
  return pellet.crop
}

/** Two hexadecimal digits a pixel, '..' for 0. */
function dump(crop: Uint8Array): string {
  const lines: string[] = []
  for (let j = 0; j < cropSide; j++) {
    const line = crop.subarray(j * cropSide, (j + 1) * cropSide)
    lines.push(Array.from(line, (gray) => (gray === 0 ? '..' : gray.toString(16).padStart(2, '0'))).join(''))
  }
  return `${lines.join('\n')}\n`
}

function golden(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
