import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { type CropSegmenter, type SimulateCropsOptions, simulateCrops } from './simulate-crops.ts'

/** A plain segmenter for the tests: 4-connected components above the threshold, crops unmasked and scaled by nearest pixel. */
function createPlainSegmenter({ width }: { readonly width: number }): CropSegmenter {
  return {
    push: (strip, settings) => {
      const seen = new Uint8Array(strip.pixels.length)
      const found: { x: number; y: number; width: number; height: number }[] = []
      for (let start = 0; start < seen.length; start++) {
        if (seen[start] === 1 || strip.pixels[start]! <= settings.threshold) continue
        const stack = [start]
        seen[start] = 1
        let [left, right, top, bottom, area] = [width, 0, strip.rows, 0, 0]
        for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
          const x = at % width
          const y = Math.floor(at / width)
          left = Math.min(left, x)
          right = Math.max(right, x)
          top = Math.min(top, y)
          bottom = Math.max(bottom, y)
          area++
          for (const next of [x > 0 ? at - 1 : -1, x < width - 1 ? at + 1 : -1, at - width, at + width])
            if (next >= 0 && next < seen.length && seen[next] === 0 && strip.pixels[next]! > settings.threshold) {
              seen[next] = 1
              stack.push(next)
            }
        }
        if (area >= settings.minAreaPx && left > 0 && top > 0 && right < width - 1 && bottom < strip.rows - 1)
          found.push({ x: left, y: top, width: right - left + 1, height: bottom - top + 1 })
      }
      const crops = new Uint8Array(found.length * 2500)
      found.forEach((box, i) => {
        for (let v = 0; v < 50; v++)
          for (let u = 0; u < 50; u++) {
            const x = Math.round(box.x + box.width / 2 + (u - 24.5) / settings.cropScale)
            const y = Math.round(box.y + box.height / 2 + (v - 24.5) / settings.cropScale)
            if (x >= 0 && y >= 0 && x < width && y < strip.rows)
              crops[i * 2500 + v * 50 + u] = strip.pixels[y * width + x]!
          }
      })
      return {
        pellets: {
          count: found.length,
          x: found.map((box) => box.x),
          y: found.map((box) => box.y),
          width: found.map((box) => box.width),
          height: found.map((box) => box.height),
          notJudged: new Uint8Array(found.length),
          crops,
        },
      }
    },
  }
}

const options: SimulateCropsOptions = {
  count: 240,
  ngShare: 0.5,
  subSizeShare: 0.1,
  seed: 9,
  variety: 'wide',
  createSegmenter: createPlainSegmenter,
}

describe('simulated crops', () => {
  for (const variety of ['line', 'wide'] as const)
    it(`of the ${variety} hold the wanted shares and agree with their truth`, async () => {
      const crops = await simulateCrops({ ...options, variety })
      assert.equal(crops.count, 240)
      assert.equal(
        crops.labels.reduce((sum, label) => sum + label, 0),
        120,
      )
      assert.equal(
        crops.subSize.reduce((sum, flag) => sum + flag, 0),
        24,
      )
      const smallest = variety === 'line' ? 3 : 2.5
      for (let i = 0; i < crops.count; i++) {
        assert.equal(crops.speckPx[i]! > 0, crops.labels[i] === 1 || crops.subSize[i] === 1)
        if (crops.labels[i] === 1) {
          assert.ok(crops.speckPx[i]! > smallest - 1e-3, `crop ${i}: ${crops.speckPx[i]} px`)
          assert.ok(crops.contrast[i]! > 0.349)
        }
        // The middle of a crop lies within its pellet.
        const middle = crops.pixels.subarray(i * 2500 + 20 * 50 + 20, i * 2500 + 20 * 50 + 30)
        assert.ok(Math.max(...middle) > 25, `crop ${i} is empty`)
      }
    })

  it('are the same for the same seed and others for another', async () => {
    const first = await simulateCrops({ ...options, count: 60 })
    const second = await simulateCrops({ ...options, count: 60 })
    assert.equal(second.digest, first.digest)
    assert.deepEqual(second.speckPx, first.speckPx)
    assert.notEqual((await simulateCrops({ ...options, count: 60, seed: 10 })).digest, first.digest)
  })

  it('can be all OK or all NG', async () => {
    const ok = await simulateCrops({ ...options, count: 60, ngShare: 0, subSizeShare: 0 })
    assert.ok(ok.speckPx.every((speck) => speck === 0))
    const ng = await simulateCrops({ ...options, count: 60, ngShare: 1, subSizeShare: 0 })
    assert.ok(ng.labels.every((label) => label === 1))
  })

  it('refuse shares out of range and stop when aborted', async () => {
    const code = (wanted: string) => (error: unknown) => error instanceof PelletlineError && error.code === wanted
    await assert.rejects(simulateCrops({ ...options, ngShare: 0.95, subSizeShare: 0.1 }), code('invalid_argument'))
    await assert.rejects(simulateCrops({ ...options, count: 0 }), code('invalid_argument'))
    await assert.rejects(simulateCrops({ ...options, signal: AbortSignal.abort() }), code('cancelled'))
  })
})
