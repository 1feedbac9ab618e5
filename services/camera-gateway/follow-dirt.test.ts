import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createLineRenderer, type LineSettingsInput, resolveLineSettings } from '../../test/support/simulated-line.ts'
import { createDirtFollower, rowStep } from './follow-dirt.ts'
import { mergeColumns } from './merge-columns.ts'

const rows = 256
const light = { threshold: 90, bedLevel: 18 }

interface Streak {
  readonly from: number
  readonly to: number
  /** What becomes of the gray there. */
  readonly see: (gray: number) => number
}

/** Spans in force after so many strips of a simulated belt with streaks on the window. */
function watch(strips: number, streaks: readonly Streak[], input: LineSettingsInput = {}, seed = 5) {
  const settings = resolveLineSettings({ width: 768, spritePool: 64, ...input })
  const { width } = settings
  const renderer = createLineRenderer({ settings, seed })
  const follower = createDirtFollower(width)
  const pixels = new Uint8Array(width * rows)
  for (let strip = 0; strip < strips; strip++) {
    renderer.render(strip * rows, rows, pixels)
    for (const { from, to, see } of streaks) {
      for (let start = 0; start < pixels.length; start += width) {
        for (let at = start + from; at < start + to; at++) pixels[at] = Math.min(255, see(pixels[at]!))
      }
    }
    follower.follow(pixels, light)
  }
  return follower.dirtyColumns
}

/** Strips until the second judgement, and some more. */
const enough = Math.ceil((4 * 256 * rowStep) / rows)

test('streaks of 1, 3, 8 and 20 px that take half of the light are found at their columns', () => {
  const half = (gray: number) => gray * 0.5
  const streaks = [
    { from: 60, to: 61, see: half },
    { from: 200, to: 203, see: half },
    { from: 400, to: 408, see: half },
    { from: 600, to: 620, see: half },
  ]
  assert.deepEqual(
    watch(enough, streaks),
    streaks.map(({ from, to }) => ({ from, to })),
  )
})

test('dirt is found where it shows on product alone, and where it hides product or shines', () => {
  const streaks: readonly Streak[] = [
    { from: 100, to: 104, see: (gray) => (gray > light.threshold ? gray * 0.7 : gray) },
    { from: 300, to: 306, see: () => 15 },
    { from: 500, to: 502, see: () => 240 },
  ]
  assert.deepEqual(
    watch(enough, streaks, { pelletsPerMpx: 250 }),
    streaks.map(({ from, to }) => ({ from, to })),
  )
})

test('a wide smear is found too', () => {
  const found = watch(enough, [{ from: 900, to: 980, see: (gray) => gray * 0.5 }], { width: 2048 })
  assert.equal(found.length, 1)
  assert.ok(found[0]!.from <= 910 && found[0]!.to >= 970, JSON.stringify(found))
})

test('a thousand clean strips raise no alarm, with uneven light and fixed pattern too', () => {
  assert.deepEqual(watch(500, [], { optics: { unevenLight: 0.12 } }), [])
  assert.deepEqual(watch(500, [], { optics: { unevenLight: 0.4, gainPattern: 0.02 }, pelletsPerMpx: 250 }, 9), [])
})

test('dirt that is wiped off is no longer named, after some judgements', () => {
  const width = 768
  const follower = createDirtFollower(width)
  const renderer = createLineRenderer({ settings: resolveLineSettings({ width, spritePool: 64 }), seed: 5 })
  const pixels = new Uint8Array(width * rows)
  const run = (from: number, to: number, dirty: boolean) => {
    for (let strip = from; strip < to; strip++) {
      renderer.render(strip * rows, rows, pixels)
      if (dirty) for (let start = 0; start < pixels.length; start += width) pixels.fill(8, start + 300, start + 306)
      follower.follow(pixels, light)
    }
  }
  run(0, enough, true)
  assert.equal(follower.dirtyColumns.length, 1)
  run(enough, enough + 100, false)
  assert.equal(follower.dirtyColumns.length, 1)
  run(enough + 100, enough + 1400, false)
  assert.deepEqual(follower.dirtyColumns, [])
})

test('an empty or a standing belt says nothing', () => {
  assert.deepEqual(watch(enough, [{ from: 200, to: 210, see: () => 200 }], { pelletsPerMpx: 0 }), [])
  const width = 768
  const follower = createDirtFollower(width)
  const standing = new Uint8Array(width * rows)
  for (let i = 0; i < standing.length; i++) standing[i] = i % width > 100 && i % width < 140 ? 180 : 20
  for (let strip = 0; strip < enough; strip++) follower.follow(standing, light)
  assert.deepEqual(follower.dirtyColumns, [])
})

test('what is found does not depend on how rows are cut into strips', () => {
  const width = 512
  const settings = resolveLineSettings({ width, spritePool: 64 })
  const renderer = createLineRenderer({ settings, seed: 3 })
  const total = 600 * rowStep
  const whole = new Uint8Array(width * total)
  renderer.render(0, total, whole)
  for (let start = 0; start < whole.length; start += width) whole.fill(5, start + 300, start + 307)
  const once = createDirtFollower(width)
  once.follow(whole, light)
  const cut = createDirtFollower(width)
  for (let row = 0, height = 1; row < total; row += height, height = 1 + ((height * 37) % 400)) {
    cut.follow(whole.subarray(row * width, Math.min(total, row + height) * width), light)
  }
  assert.deepEqual(once.dirtyColumns, [{ from: 300, to: 307 }])
  assert.deepEqual(cut.dirtyColumns, once.dirtyColumns)
})

test('columns merge into at most 64 sorted spans that lie apart and hold every marked one', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0, 0, 0, 0, 1), { maxLength: 900 }), (marks) => {
      const spans = mergeColumns(Uint8Array.from(marks))
      assert.ok(spans.length <= 64)
      spans.forEach(({ from, to }, at) => {
        assert.ok(to > from && marks[from] === 1 && marks[to - 1] === 1)
        if (at > 0) assert.ok(from > spans[at - 1]!.to)
      })
      marks.forEach((mark, column) => {
        if (mark === 1) assert.ok(spans.some(({ from, to }) => column >= from && column < to))
      })
    }),
  )
})
