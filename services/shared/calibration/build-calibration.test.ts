import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createTestRandom } from '../../../test/support/draw-belt.ts'
import type { PelletlineError } from '../errors/pelletline-error.ts'
import { buildCalibration } from './build-calibration.ts'
import { calibrationProfileSchema } from './calibration-profile.ts'
import { compareCalibrations } from './compare-calibrations.ts'
import { createColumnMeasurer, type ReferenceMeasures } from './measure-columns.ts'

const width = 512
const facts = {
  name: 'test',
  createdAt: '2026-01-01T00:00:00Z',
  umPerPxAcross: 50,
  umPerPxAlong: 55,
  blurPx: 0.7,
  blurFrom: 'stated',
  exposureBlurPx: 0,
} as const

interface Scene {
  readonly source: string
  /** Level of a column without noise. */
  readonly level: (column: number, row: number) => number
  readonly rows?: number
  readonly width?: number
  readonly bitDepth?: 8 | 10 | 12
  readonly read?: number
  readonly shot?: number
  readonly black?: number
}

function measure({ source, level, rows = 400, read = 1.5, shot = 4, black = 8, ...shape }: Scene): ReferenceMeasures {
  const { width: columns = width, bitDepth = 8 } = shape
  const top = 2 ** bitDepth - 1
  const random = createTestRandom(source.length)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const pixels = new Uint16Array(columns * rows)
  for (let i = 0; i < pixels.length; i++) {
    const clean = level(i % columns, Math.floor(i / columns))
    const sigma = Math.sqrt(read ** 2 + (shot ** 2 * Math.max(0, clean - black)) / top)
    pixels[i] = Math.min(top, Math.max(0, Math.round(clean + sigma * normal())))
  }
  const measurer = createColumnMeasurer(columns, top)
  measurer.add(pixels)
  return { source, width: columns, bitDepth, ...measurer.measures() }
}

const light = (column: number) => 8 + 180 * (1 - 0.4 * ((column - 256) / 256) ** 2)
const dark = measure({ source: 'dark.plr', level: () => 8 })
const even = measure({ source: 'light.plr', level: light })

function refusal(references: { dark?: ReferenceMeasures[]; light?: ReferenceMeasures[] }): string {
  try {
    buildCalibration({ dark: [dark], light: [even], ...references }, facts)
  } catch (error) {
    assert.equal((error as PelletlineError).code, 'invalid_argument')
    return (error as PelletlineError).message
  }
  return assert.fail('it was not refused')
}

describe('buildCalibration', () => {
  it('finds dark level and gain of every column within the noise of their means', () => {
    const profile = calibrationProfileSchema.parse(buildCalibration({ dark: [dark], light: [even] }, facts))
    assert.deepEqual(profile.badColumns, [])
    for (let column = 0; column < width; column++) {
      assert.ok(Math.abs(profile.dark[column]! - 8) < 0.5, `dark ${column}: ${profile.dark[column]}`)
      const corrected = (light(column) - profile.dark[column]!) * profile.gain[column]!
      assert.ok(Math.abs(corrected / profile.referenceLevel - 1) < 0.01, `column ${column} became ${corrected}`)
    }
  })

  it('tells read noise and shot noise apart, in 8 and in 12 bit, under a lamp that flickers', () => {
    const flicker = (row: number) => 1 + 0.01 * Math.sin(row * 1.7)
    const flickering = measure({ source: 'flicker', level: (column, row) => 8 + (light(column) - 8) * flicker(row) })
    const { noise } = buildCalibration({ dark: [dark], light: [flickering] }, facts)
    assert.ok(Math.abs(noise.read - 1.5) < 0.1 && Math.abs(noise.shot - 4) < 0.2, JSON.stringify(noise))
    const deep = { bitDepth: 12, read: 20, shot: 70, black: 100 } as const
    const deepNoise = buildCalibration(
      {
        dark: [measure({ source: 'dark-12', level: () => 100, ...deep })],
        light: [measure({ source: 'light-12', level: (column) => 100 + 16 * light(column), ...deep })],
      },
      facts,
    ).noise
    assert.ok(Math.abs(deepNoise.read - 20) < 1 && Math.abs(deepNoise.shot - 70) < 3, JSON.stringify(deepNoise))
  })

  it('lists dead, hot and blinking columns and leaves their gain at 1', () => {
    const level = (column: number, row: number) => {
      if (column === 40) return 10
      if (column === 200) return row % 200 < 100 ? 150 : 100
      return light(column)
    }
    const hot = measure({ source: 'dark-hot', level: (column) => (column === 100 ? 60 : 8) })
    const { badColumns, gain } = buildCalibration(
      { dark: [hot], light: [measure({ source: 'bad.plr', level })] },
      facts,
    )
    assert.deepEqual(badColumns, [
      { column: 40, reason: 'dead' },
      { column: 100, reason: 'hot' },
      { column: 200, reason: 'unstable' },
    ])
    assert.deepEqual([gain[40], gain[100], gain[200]], [1, 1, 1])
  })

  it('takes the gain over several light references', () => {
    const half = measure({ source: 'half.plr', level: (column) => 8 + (light(column) - 8) / 2 })
    const { gain, rows } = buildCalibration({ dark: [dark], light: [even, half] }, facts)
    const [one] = [buildCalibration({ dark: [dark], light: [even] }, facts)]
    assert.equal(rows.light, 800)
    gain.forEach((value, column) => {
      assert.ok(Math.abs(value / one.gain[column]! - 1) < 0.01)
    })
  })

  it('refuses references by name: too few rows, another width, saturated, not dark, not light', () => {
    assert.match(
      refusal({ light: [measure({ source: 'short.plr', level: light, rows: 100 })] }),
      /short\.plr has 100 rows; at least 256/,
    )
    assert.match(
      refusal({ light: [measure({ source: 'n.plr', level: light, width: 500 })] }),
      /n\.plr is 500 pixels wide, dark\.plr 512/,
    )
    assert.match(
      refusal({ light: [measure({ source: 'hot.plr', level: (c) => 1.4 * light(c) })] }),
      /hot\.plr is saturated: \d+ of 512/,
    )
    assert.match(
      refusal({ dark: [measure({ source: 'open.plr', level: light })] }),
      /open\.plr is at gray .* cover the lens/,
    )
    assert.match(
      refusal({ light: [measure({ source: 'off.plr', level: () => 20 })] }),
      /off\.plr is only .* uncover the lens/,
    )
    assert.match(refusal({ light: [] }), /--dark FILE and --light FILE/)
  })

  it('refuses a reference with product on it by its columns', () => {
    const withPellet = (column: number, row: number) =>
      light(column) - (column >= 100 && column < 130 && row >= 50 && row < 80 ? 60 : 0)
    assert.match(
      refusal({ light: [measure({ source: 'product', level: withPellet })] }),
      /product changes from row to row in columns 100 to 129/,
    )
  })

  it('refuses light that no gain within the range makes even, and columns that are bad side by side', () => {
    const steep = (column: number) => 8 + 210 * Math.exp(-((column / 220) ** 2))
    assert.match(
      refusal({ light: [measure({ source: 'steep', level: steep })] }),
      /needs a gain of .* valid is 0\.2 to 5/,
    )
    const blot = (column: number) => (column >= 300 && column < 320 ? 20 : light(column))
    assert.match(refusal({ light: [measure({ source: 'blot', level: blot })] }), /bad|Columns 300 to/)
  })
})

describe('compareCalibrations', () => {
  const known = buildCalibration({ dark: [dark], light: [even] }, facts)
  const fresh = (level: (column: number) => number, shot = 4) =>
    compareCalibrations(
      known,
      buildCalibration({ dark: [dark], light: [measure({ source: 'fresh.plr', level, shot })] }, facts),
    ).reasons

  it('holds under noise and under a lamp a tenth weaker', () => {
    assert.deepEqual(fresh(light), [])
    assert.deepEqual(
      fresh((column) => 8 + 0.9 * (light(column) - 8)),
      [],
    )
  })

  it('holds no more with dirt, a lamp that moved, one that fades, or noise', () => {
    assert.match(fresh((column) => light(column) * (column > 50 && column < 62 ? 0.9 : 1))[0]!, /the gain of/)
    assert.match(fresh((column) => light(column) * (1 - column / 2000))[0]!, /the gain of/)
    assert.match(fresh((column) => 8 + 0.5 * (light(column) - 8))[0]!, /the light is 0\.5/)
    assert.match(fresh(light, 7).join(), /noise variance/)
  })
})
