import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { heatColour, overlayHeat } from './colour-map.ts'

describe('colour map', () => {
  test('heat grows lighter from end to end, so that it keeps its order in gray', () => {
    const luminance = Array.from({ length: 101 }, (_, i) => {
      const [red, green, blue] = heatColour(i / 100)
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    })
    for (let i = 1; i < luminance.length; i++) assert.ok(luminance[i]! > luminance[i - 1]! - 1, `at ${i}`)
    assert.ok(luminance[0]! < 5 && luminance[100]! > 230)
  })

  test('a crop without heat shows through unchanged, the peak does not hide it whole', () => {
    assert.deepEqual(
      [...overlayHeat(Uint8Array.of(0, 90, 255), new Uint8Array(3))],
      [0, 0, 0, 90, 90, 90, 255, 255, 255],
    )
    const [dark, light] = [0, 200].map((gray) => overlayHeat(Uint8Array.of(gray), Uint8Array.of(255)))
    assert.ok(light![0]! > dark![0]!)
  })
})
