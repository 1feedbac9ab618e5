import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Augmentation, augmentCrop } from './augment.ts'
import { createRandom } from './random.ts'

const none: Augmentation = { flips: false, shiftPx: 0, gain: 0, offset: 0, blurProbability: 0, noise: 0 }

/** A disc on black with a dark dot off its centre, which no flip or turn maps to itself. */
function pellet(): Uint8Array {
  return Uint8Array.from({ length: 2500 }, (_, i) => {
    const [x, y] = [i % 50, Math.floor(i / 50)]
    if ((x - 24.5) ** 2 + (y - 24.5) ** 2 > 400) return 0
    return x === 20 && y === 33 ? 30 : 180
  })
}

function augmented(options: Partial<Augmentation>, seed: number): Uint8Array {
  const out = new Uint8Array(2500)
  augmentCrop(pellet(), out, { ...none, ...options }, createRandom(seed))
  return out
}

test('augmentation with everything off copies the crop', () => {
  assert.deepEqual(augmented({}, 1), pellet())
})

test('flips and turns reach all eight positions and keep every gray value', () => {
  const places = new Set(Array.from({ length: 200 }, (_, seed) => augmented({ flips: true }, seed).indexOf(30)))
  assert.deepEqual(
    [...places].sort((a, b) => a - b),
    [
      [20, 33],
      [29, 33],
      [20, 16],
      [29, 16],
      [33, 20],
      [33, 29],
      [16, 20],
      [16, 29],
    ]
      .map(([x, y]) => y! * 50 + x!)
      .sort((a, b) => a - b),
  )
  assert.deepEqual(augmented({ flips: true }, 7).sort(), pellet().sort())
})

test('shift moves the crop within its bounds and brings in black', () => {
  const places = Array.from({ length: 300 }, (_, seed) => augmented({ shiftPx: 2 }, seed).indexOf(30))
  const offsets = new Set(places.map((place) => `${(place % 50) - 20},${Math.floor(place / 50) - 33}`))
  assert.equal(offsets.size, 25)
})

test('gain, offset and noise leave what is outside the pellet at 0 and the inside above it', () => {
  const black = pellet().map((value) => (value === 0 ? 1 : 0))
  for (let seed = 0; seed < 20; seed++) {
    const out = augmented({ gain: 0.5, offset: 60, noise: 50 }, seed)
    assert.ok(out.every((value, i) => (value === 0) === (black[i] === 1)))
  }
})

test('blur softens the dot', () => {
  assert.equal(augmented({ blurProbability: 1 }, 1)[33 * 50 + 20], Math.floor((4 * 30 + 12 * 180 + 8) / 16))
})

test('augmentation is the same for the same seed and differs between seeds', () => {
  const all = { flips: true, shiftPx: 2, gain: 0.1, offset: 5, blurProbability: 0.5, noise: 4 }
  assert.deepEqual(augmented(all, 3), augmented(all, 3))
  assert.notDeepEqual(augmented(all, 3), augmented(all, 4))
})
