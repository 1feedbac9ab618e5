import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { toyReport } from '../../test-support/toy-report.ts'
import type { Comparison, ExperimentReport, RepeatedEstimate, SeedStudy } from '../experiment-report.ts'
import { stateVerdict } from './state-verdict.ts'

const report = toyReport()

function withoutSeeds(changes: Partial<ExperimentReport>): ExperimentReport {
  const { seeds: _, ...rest } = report
  return { ...rest, ...changes }
}

/** A gain over five seeds; `overImages` is as wide where it is not given. */
function withSeedGain(
  value: number,
  low: number,
  high: number,
  overImages: RepeatedEstimate['overImages'] | null = { low, high, by: 'groups' },
): ExperimentReport {
  const seeds = report.seeds!
  const accuracy = {
    value,
    low,
    high,
    values: Array.from({ length: 5 }, () => value),
    ...(overImages && { overImages }),
  }
  const gain: SeedStudy['gain'] = { ...seeds.gain, accuracy }
  return { ...report, seeds: { ...seeds, gain } }
}

function compare(a: string, b: string, value: number, low: number, high: number): Comparison {
  return { a, b, onlyA: 1, onlyB: 2, p: 0.03, gain: { value, low, high } }
}

describe('stateVerdict', () => {
  test('calls an interval that holds zero what it is', () => {
    const [first] = stateVerdict(withSeedGain(0.0042, -0.0011, 0.0095))
    assert.match(first, /Over 5 seeds .* \+0\.42 \(−0\.11 to \+0\.95\) points .*holds zero, so neither gain nor loss/)
  })

  test('states a gain and a loss over seeds where the interval leaves zero out', () => {
    assert.match(stateVerdict(withSeedGain(0.01, 0.004, 0.016))[0], /distillation pays here/)
    assert.match(stateVerdict(withSeedGain(-0.01, -0.016, -0.004))[0], /distillation costs accuracy here/)
  })

  test('claims a gain or a loss over seeds only where the interval over images says so too', () => {
    const [gain] = stateVerdict(withSeedGain(0.01, 0.004, 0.016, { low: -0.002, high: 0.015, by: 'groups' }))
    assert.match(gain, /\+1\.00 \(−0\.20 to \+1\.60\) points/)
    assert.match(
      gain,
      /\+0\.40 to \+1\.60 by the t interval over seeds, −0\.20 to \+1\.50 by the bootstrap over groups/,
    )
    assert.match(gain, /: the interval holds zero, so neither gain nor loss is shown\.$/)
    const [loss] = stateVerdict(withSeedGain(-0.01, -0.016, -0.004, { low: -0.03, high: 0.001, by: 'images' }))
    assert.match(loss, /by that over test images\): the interval holds zero/)
    // The other way round: the images agree, the seeds do not.
    assert.match(
      stateVerdict(withSeedGain(0.01, -0.004, 0.024, { low: 0.004, high: 0.015, by: 'groups' }))[0],
      /the interval holds zero/,
    )
    // Seeds alone show nothing.
    assert.match(stateVerdict(withSeedGain(0.01, 0.004, 0.016, null))[0], /without an interval nothing is shown/)
  })

  test('falls back to the paired comparison of one seed, whichever way round it was made', () => {
    const forth = withoutSeeds({ comparisons: [compare('plain', 'distilled', 0.02, 0.004, 0.036)] })
    const back = withoutSeeds({ comparisons: [compare('distilled', 'plain', -0.02, -0.036, -0.004)] })
    assert.match(
      stateVerdict(forth)[0],
      /\+2\.00 \(\+0\.40 to \+3\.60\) points \(McNemar p = 0\.030, one seed each\).* paid with this seed/,
    )
    assert.equal(stateVerdict(back)[0], stateVerdict(forth)[0])
  })

  test('claims a gain only where it holds by groups too', () => {
    const gain = { value: 0.02, low: 0.004, high: 0.036, byGroups: { low: -0.006, high: 0.03 } }
    const forth = { a: 'plain', b: 'distilled', onlyA: 1, onlyB: 2, p: 0.03, gain }
    const turned = { value: -0.02, low: -0.036, high: -0.004, byGroups: { low: -0.03, high: 0.006 } }
    const back = { ...forth, a: 'distilled', b: 'plain', onlyA: 2, onlyB: 1, gain: turned }
    for (const comparison of [forth, back]) {
      assert.match(
        stateVerdict(withoutSeeds({ comparisons: [comparison] }))[0],
        /\+2\.00 \(−0\.60 to \+3\.60\) points .*the interval holds zero/,
      )
    }
  })

  test('claims nothing without a comparison, a student or an ensemble', () => {
    assert.match(stateVerdict(withoutSeeds({ comparisons: [] }))[0], /no gain is claimed/)
    const teachersOnly = withoutSeeds({ models: report.models.filter(({ role }) => role === 'teacher') })
    for (const sentence of stateVerdict(teachersOnly)) assert.match(sentence, /cannot be said/)
  })

  test('judges all seeds against the teachers, by the seeds and by the images, and not the first one', () => {
    // The first seed alone would be better than its teachers.
    const comparisons = [compare('ensemble', 'distilled', 0.0067, 0.001, 0.0124)]
    const values = [0.0067, 0.0033, 0.0017, 0, -0.0017]
    const second = (overTeachers: Partial<RepeatedEstimate>) => {
      const estimate = { value: 0.002, low: -0.002, high: 0.006, values, ...overTeachers }
      return stateVerdict({ ...report, comparisons, seeds: { ...report.seeds!, overTeachers: estimate } })[1]
    }
    assert.match(
      second({ overImages: { low: -0.01, high: 0.009, by: 'groups' } }),
      /on average over 5 seeds, a difference of \+0\.20 \(−1\.00 to \+0\.90\) points \(95 %: −0\.20 to \+0\.60 by the t interval over seeds, −1\.00 to \+0\.90 by the bootstrap over groups of test images\), with 41 % .*: the interval holds zero, so it may be up to 1\.00 points worse\.$/,
    )
    const sure = { low: 0.001, high: 0.003 }
    assert.match(
      second({ ...sure, overImages: { low: 0.001, high: 0.004, by: 'images' } }),
      /: better than the teachers\.$/,
    )
    assert.match(second(sure), /: without an interval nothing is shown\.$/)
    const { overTeachers: _, ...seeds } = report.seeds!
    assert.match(
      stateVerdict({ ...report, comparisons, seeds })[1],
      /the first seed of the distilled student stands at/,
    )
  })

  test('says how much worse than the ensemble the student may be, and at what cost', () => {
    const [, second] = stateVerdict(
      withoutSeeds({ comparisons: [compare('ensemble', 'distilled', -0.005, -0.0186, 0.0083)] }),
    )
    assert.match(
      second,
      /−0\.50 \(−1\.86 to \+0\.83\) points, with 41 % of the teachers’ mean parameters and 15 % of their mean time/,
    )
    assert.match(second, /up to 1\.86 points worse/)
    const below = stateVerdict(
      withoutSeeds({ comparisons: [compare('ensemble', 'distilled', -0.02, -0.03, -0.01)] }),
    )[1]
    assert.match(below, /: below the teachers\.$/)
  })
})
