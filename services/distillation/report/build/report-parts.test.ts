import assert from 'node:assert/strict'
import { test } from 'node:test'
import { studentTQuantile } from '../../../shared/statistics/t-interval.ts'
import { wilsonInterval } from '../../../shared/statistics/wilson-interval.ts'
import { toyReport } from '../../test-support/toy-report.ts'
import { createRandom } from '../../training/random.ts'
import { widestOf, widestOfRepeated } from '../find-models.ts'
import { stateVerdict } from '../sections/state-verdict.ts'
import { combineTeachers, probabilityOf } from './combine-teachers.ts'
import { comparePaired } from './compare-models.ts'
import { isGrouped } from './describe-data.ts'
import { pickCrops } from './explain-crops.ts'
import { findWorst } from './find-worst.ts'
import { calibrate, measureFigures } from './measure-figures.ts'
import { spreadOf } from './measure-times.ts'
import { studyLabels } from './study-labels.ts'
import { studySeeds } from './study-seeds.ts'
import { traceCurve } from './trace-escapes.ts'

test('ensemble answers with the mean probability of its members, and stays finite where they are sure', () => {
  const softmax = (ok: number, ng: number) => Math.exp(ng) / (Math.exp(ok) + Math.exp(ng))
  const [margin, sure, split] = combineTeachers([
    Float32Array.of(0.5, 1.25, 400, 0, 300, -300),
    Float32Array.of(2, -1, 300, 0, -300, 300),
  ])
  const mean = (softmax(0.5, 1.25) + softmax(2, -1)) / 2
  assert.ok(Math.abs(probabilityOf(margin!) - mean) < 1e-6)
  assert.ok(Math.abs(sure! - (-300 - Math.log(1) + Math.log(0.5))) < 1e-3, `${sure}`)
  assert.ok(Math.abs(split!) < 1e-6)
})

test('curve of escapes gives the misses at the lowest threshold of each overkill', () => {
  const crops = {
    // Four good crops, then specks of 3, 5, 6 and 9 px; one of 2 px is below the smallest size.
    margins: Float32Array.of(-2, -1, 0, 1, -1.5, 0.5, 0.25, 2, -3),
    labels: Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1, 1),
    speckPx: Float32Array.of(0, 0, 0, 0, 3, 5, 6, 9, 2),
  }
  assert.deepEqual(traceCurve(crops, 3), [
    { overkillPpm: 0, escape: 3 / 4, escapeTwice: 1 / 2 },
    { overkillPpm: 250_000, escape: 1 / 4, escapeTwice: 0 },
    { overkillPpm: 500_000, escape: 1 / 4, escapeTwice: 0 },
    { overkillPpm: 750_000, escape: 0, escapeTwice: 0 },
    { overkillPpm: 1_000_000, escape: 0, escapeTwice: 0 },
  ])
})

test('curve of escapes keeps to its number of points, never rises, and passes crops of one margin together', () => {
  const random = createRandom('curve')
  const margins = Float32Array.from({ length: 20_000 }, () => Math.round(random.normal() * 50) / 50)
  const labels = Uint8Array.from({ length: 20_000 }, (_, i) => i % 2)
  const curve = traceCurve({ margins, labels, speckPx: new Float32Array(20_000).fill(8) }, 3)
  assert.ok(curve.length > 50 && curve.length <= 120, `${curve.length}`)
  for (const [i, point] of curve.entries()) {
    const before = curve[i - 1]
    if (before === undefined) continue
    assert.ok(point.overkillPpm > before.overkillPpm && point.escape <= before.escape)
  }
  assert.deepEqual(traceCurve({ margins, labels, speckPx: new Float32Array(20_000).fill(5) }, 3), [])
})

test('paired comparison counts the crops that only one judges right', () => {
  const { onlyA, onlyB, p, gain } = comparePaired(Float32Array.of(1, 1, -1, -1, 1), Float32Array.of(1, -1, 1, 1, 1), {
    labels: Uint8Array.of(1, 1, 1, 1, 0),
  })
  assert.deepEqual([onlyA, onlyB], [1, 2])
  assert.ok(Math.abs(p - 1) < 1e-12)
  assert.ok(Math.abs(gain.value! - 0.2) < 1e-12)
})

test('gain on crops that err together in groups has a wider interval by groups than by crops', () => {
  const labels = new Uint8Array(400).fill(1)
  const group = Int32Array.from(labels, (_, i) => Math.floor(i / 10))
  // b is right on whole groups that a is wrong on, and on fewer the other way round.
  const a = Float32Array.from(group, (index) => (index % 4 === 0 ? -1 : 1))
  const b = Float32Array.from(group, (index) => (index % 5 === 1 ? -1 : 1))
  const { gain } = comparePaired(a, b, { labels, group })
  assert.ok(Math.abs(gain.value! - 0.05) < 1e-12)
  assert.ok(gain.byGroups!.low < gain.low! - 0.02 && gain.byGroups!.high > gain.high! + 0.02)
  assert.deepEqual(comparePaired(a, b, { labels, group }).gain, gain)
  assert.equal(comparePaired(a, b, { labels }).gain.byGroups, undefined)
  // All alike: a bootstrap cannot tell.
  assert.equal(comparePaired(a, a, { labels, group }).gain.byGroups, null)
})

test('gain on crops of one patient is none, however sure it looks by crops', () => {
  const labels = new Uint8Array(200).fill(1)
  const group = new Int32Array(200)
  const plain = Float32Array.from(labels, (_, i) => (i < 40 ? -1 : 1))
  const distilled = new Float32Array(200).fill(1)
  const { gain } = comparePaired(plain, distilled, { labels, group })
  assert.ok(gain.low! > 0.1)
  assert.deepEqual(widestOf(gain), { value: 0.2, low: null, high: null })
  const judged = { labelShare: 0.1, noiseShare: 0, teachers: distilled, teacherNames: ['one'] }
  const { gain: repeated } = studyLabels({ ...judged, students: [{ seed: 1, plain, distilled }] }, { labels, group })
  assert.deepEqual(widestOfRepeated(repeated), { value: 0.2, low: null, high: null })
  // The sentence at the head of the report claims none either, whichever way round the two were compared.
  const { seeds: _, ...report } = toyReport()
  const turned = comparePaired(distilled, plain, { labels, group })
  for (const comparison of [
    { a: 'plain', b: 'distilled', ...comparePaired(plain, distilled, { labels, group }) },
    { a: 'distilled', b: 'plain', ...turned },
  ])
    assert.match(
      stateVerdict({ ...report, comparisons: [comparison] })[0],
      /\+20\.00 points .*: how far this varies with groups of images cannot be told, so nothing is shown\.$/,
    )
})

test('crops are grouped where any two share a group', () => {
  assert.equal(isGrouped(Int32Array.of(2, 2, -1, 5, -1)), true)
  assert.equal(isGrouped(Int32Array.of(-1, -1)), false)
  assert.equal(isGrouped(Int32Array.of(0, 1, 2)), false)
})

test('figures at a threshold are counted by hand, with what they mean at the prevalence of a line', () => {
  const crops = {
    labels: Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1),
    speckPx: new Float32Array(8).fill(Number.NaN),
    group: new Int32Array(8).fill(-1),
  }
  const figures = measureFigures(Float32Array.of(-1, -1, -1, 2, 2, 1, 1, -1), crops, 0.5, {})
  assert.deepEqual(figures.confusion, { okAsOk: 3, okAsNg: 1, ngAsOk: 1, ngAsNg: 3 })
  assert.deepEqual([figures.precision.value, figures.recall.value, figures.accuracy.value], [0.75, 0.75, 0.75])
  assert.ok(Math.abs(figures.f1.value! - 0.75) < 1e-12)
  // Of 16 pairs: the NG crop at 2 ties with a good one, the two at 1 lose to it, the last ties with three.
  assert.equal(figures.auc.value, (3.5 + 3 + 3 + 1.5) / 16)
  assert.deepEqual([figures.overkillPpm.value, figures.overkillPpm.high! > 800_000], [250_000, true])
  const [even, line] = figures.atPrevalence
  assert.ok(Math.abs(even!.precision.value! - 0.75) < 1e-12)
  assert.ok(Math.abs(line!.precision.value! - (1e-4 * 0.75) / (1e-4 * 0.75 + (1 - 1e-4) * 0.25)) < 1e-12)
  assert.ok(Math.abs(line!.overkillPpm.value! - 250_000 * (1 - 1e-4)) < 1e-6)
  assert.ok(Math.abs(line!.escapesPpm.value! - 25) < 1e-9)
  assert.equal('byGroups' in figures.accuracy, false)
  assert.equal('escapes' in figures, false)
})

test('bootstrap over groups is wider than the ordinary interval where groups err together, and repeats itself', () => {
  const count = 400
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 2)
  const group = Int32Array.from({ length: count }, (_, i) => Math.floor(i / 10))
  const margins = Float32Array.from({ length: count }, (_, i) => (2 * labels[i]! - 1) * (group[i]! % 8 === 0 ? -1 : 1))
  const measure = () =>
    measureFigures(margins, { labels, group, speckPx: new Float32Array(count).fill(Number.NaN) }, 0, { resamples: 300 })
  const { accuracy } = measure()
  const { byGroups } = accuracy
  assert.ok(byGroups!.low < accuracy.low! && byGroups!.high > accuracy.high!)
  assert.deepEqual(measure().accuracy, accuracy)
})

test('overkill, and what follows from it at other prevalences, is as wide as the groups make it', () => {
  const count = 400
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 2)
  const group = Int32Array.from({ length: count }, (_, i) => Math.floor(i / 20))
  // All good crops of 2 of 20 groups are called NG, and all NG ones of another one OK.
  const margins = Float32Array.from(labels, (label, i) => ((label === 0 ? group[i]! < 2 : group[i] !== 5) ? 1 : -1))
  const speckPx = new Float32Array(count).fill(Number.NaN)
  const measure = (groups: Int32Array) => measureFigures(margins, { labels, group: groups, speckPx }, 0, {})
  const [grouped, single] = [measure(group), measure(new Int32Array(count).fill(-1))]
  const { overkillPpm, atPrevalence } = grouped
  assert.ok(Math.abs(overkillPpm.value! - 100_000) < 1e-6)
  assert.deepEqual([overkillPpm.low, overkillPpm.high], [single.overkillPpm.low, single.overkillPpm.high])
  assert.ok(overkillPpm.byGroups!.high > 1.4 * overkillPpm.high!, `${overkillPpm.byGroups!.high}`)
  assert.equal(single.overkillPpm.byGroups, undefined)
  const [line, exact] = [atPrevalence[1]!, single.atPrevalence[1]!]
  assert.ok(Math.abs(line.overkillPpm.high! - widestOf(overkillPpm).high! * (1 - 1e-4)) < 1e-6)
  assert.ok(line.escapesPpm.high! > 1.2 * exact.escapesPpm.high!)
  assert.ok(line.precision.low! < exact.precision.low! && line.precision.value === exact.precision.value)
})

test('calibration error is the mean distance of stated and found shares over the bins', () => {
  const margin = Math.log(3)
  const { bins, expectedError } = calibrate(
    Float32Array.of(margin, margin, margin, margin, -margin, -margin),
    Uint8Array.of(1, 1, 0, 0, 0, 1),
  )
  assert.deepEqual(
    bins.map(({ count, meanProbability, ngShare }) => [count, Number(meanProbability.toFixed(6)), ngShare.value]),
    [
      [2, 0.25, 0.5],
      [4, 0.75, 0.5],
    ],
  )
  assert.ok(Math.abs(expectedError - 0.25) < 1e-6)
})

test('seeds give means, paired gains and t intervals; a figure that one of a pair lacks is left out for both', () => {
  const student = (accuracy: number, precision: number | null) => {
    const of = (value: number | null) => ({ value, low: null, high: null })
    const figures = { accuracy: of(accuracy), precision: of(precision), recall: of(0.5), auc: of(0.5), f1: of(0.5) }
    return { figures, margins: Float32Array.of(1, -1) }
  }
  const crops = { labels: Uint8Array.of(1, 0) }
  const { plain, distilled, gain, count } = studySeeds(
    [
      { plain: student(0.9, 0.5), distilled: student(0.92, null) },
      { plain: student(0.91, 0.6), distilled: student(0.93, 0.7) },
      { plain: student(0.92, 0.7), distilled: student(0.96, 0.7) },
    ],
    crops,
  )!
  assert.equal(count, 3)
  assert.ok(Math.abs(plain.accuracy.value! - 0.91) < 1e-12)
  assert.deepEqual(distilled.accuracy.values, [0.92, 0.93, 0.96])
  assert.ok(Math.abs(gain.accuracy.value! - 0.08 / 3) < 1e-12)
  // Deviation 0.011547, t(2) at 97.5 % 4.30265.
  assert.ok(Math.abs(gain.accuracy.high! - gain.accuracy.value! - (4.30265 * 0.011547005) / Math.sqrt(3)) < 1e-6)
  assert.deepEqual(plain.precision.values, [0.6, 0.7])
  // Every image is judged alike by both: how far the gain varies with images cannot be told.
  assert.equal('overImages' in gain.accuracy, false)
  assert.equal(studySeeds([{ plain: student(0.9, 0.5), distilled: student(0.9, 0.5) }], crops), undefined)
})

test('gain over seeds also has the limits that the images leave to its mean, wider where they err together in groups', () => {
  const labels = new Uint8Array(400).fill(1)
  const group = Int32Array.from(labels, (_, i) => Math.floor(i / 10))
  const crops = { labels, group, speckPx: new Float32Array(400).fill(Number.NaN) }
  const student = (wrong: (group: number) => boolean) => {
    const margins = Float32Array.from(group, (index) => (wrong(index) ? -1 : 1))
    return { margins, figures: measureFigures(margins, crops, 0, { resamples: 100 }) }
  }
  // Both seeds gain 2 of 40 groups, so that seeds alone leave no doubt; one more is wrong in either of the two.
  const pairs = [8, 9].map((seed) => ({
    plain: student((index) => index < 5),
    distilled: student((index) => index < 2 || index === seed),
  }))
  const { accuracy } = studySeeds(pairs, crops, 1000)!.gain
  assert.ok(Math.abs(accuracy.value! - 0.05) < 1e-9 && accuracy.low! > 0.04)
  const { low, high, by } = accuracy.overImages!
  assert.equal(by, 'groups')
  assert.ok(low < 0 && high > 0.1, `${low} to ${high}`)
  assert.equal('overTeachers' in studySeeds(pairs, crops, 100)!, false)
  // The teachers are wrong on two other groups: each seed has 3 groups wrong, both have 2 of these in common.
  const teachers = Float32Array.from(group, (index) => (index === 20 || index === 21 ? -1 : 1))
  const over = studySeeds(pairs, crops, 1000, teachers)!.overTeachers!
  assert.ok(over.values.every((value) => Math.abs(value - -0.025) < 1e-9) && over.values.length === 2)
  assert.ok(Math.abs(over.value! - -0.025) < 1e-9 && over.low! > -0.03)
  assert.ok(over.overImages!.by === 'groups' && over.overImages!.low < -0.05 && over.overImages!.high > 0)
  // Image by image: 30 of 400 gain, 10 lose by half.
  const single = studySeeds(pairs, { labels }, 1000)!.gain.accuracy.overImages!
  const [mean, square] = [0.05, (30 + 20 * 0.25) / 400]
  const half = (studentTQuantile(0.975, 399) * Math.sqrt((square - mean ** 2) * (400 / 399))) / Math.sqrt(400)
  assert.equal(single.by, 'images')
  assert.ok(Math.abs(single.low - (mean - half)) < 1e-9 && Math.abs(single.high - (mean + half)) < 1e-9)
})

test('case of the study of labels has Wilson and Newcombe with one seed, t intervals with several, and groups with both', () => {
  const labels = new Uint8Array(200).fill(1)
  const group = Int32Array.from(labels, (_, i) => Math.floor(i / 10))
  const judge = (wrong: (group: number) => boolean) => Float32Array.from(group, (index) => (wrong(index) ? -1 : 1))
  const first = { seed: 4, plain: judge((index) => index < 4), distilled: judge((index) => index < 2 || index === 9) }
  const second = { seed: 5, plain: judge((index) => index < 3), distilled: judge((index) => index === 11) }
  const teachers = { teachers: judge((index) => index < 1), teacherNames: ['one'] }
  const judged = { labelShare: 0.1, noiseShare: 0, students: [first], ...teachers }
  const one = studyLabels(judged, { labels, group })
  assert.deepEqual([one.labelShare, one.noiseShare, one.seeds], [0.1, 0, [4]])
  for (const [estimate, hits] of [
    [one.plain, 160],
    [one.distilled, 170],
    [one.teachers, 190],
  ] as const) {
    const { values, overImages, ...own } = estimate
    assert.deepEqual(own, wilsonInterval(hits, 200))
    assert.deepEqual(values, [hits / 200])
    assert.ok(overImages!.low < own.low! && overImages!.high > own.high!)
  }
  const { gain, ...counts } = comparePaired(first.plain, first.distilled, { labels, group })
  const { byGroups, ...newcombe } = gain
  assert.deepEqual(one.gain, { ...newcombe, values: [0.05], overImages: { ...byGroups, by: 'groups' } })
  assert.deepEqual(one.paired, [{ onlyPlain: counts.onlyA, onlyDistilled: counts.onlyB, p: counts.p }])
  assert.deepEqual([counts.onlyA, counts.onlyB], [10, 20])

  const two = studyLabels({ ...judged, students: [first, second] }, { labels, group })
  assert.deepEqual(two.seeds, [4, 5])
  assert.deepEqual(two.plain.values, [0.8, 0.85])
  assert.ok(Math.abs(two.gain.value! - 0.075) < 1e-12)
  // Deviation 0.0353553 over two seeds, t(1) at 97.5 % 12.7062.
  assert.ok(Math.abs(two.gain.high! - 0.075 - (12.7062047 * 0.035355339) / Math.sqrt(2)) < 1e-6)
  assert.equal(two.gain.overImages!.by, 'groups')
  assert.equal(two.paired.length, 2)
  // Without groups several seeds have an interval over single images, one seed needs none beside Wilson's.
  assert.equal(studyLabels({ ...judged, students: [first, second] }, { labels }).gain.overImages!.by, 'images')
  assert.equal('overImages' in studyLabels(judged, { labels }).gain, false)
})

test('crops with heatmaps are spread over their class', () => {
  const labels = Uint8Array.from({ length: 20 }, (_, i) => i % 2)
  assert.deepEqual(pickCrops(labels, 6), [2, 10, 16, 3, 11, 17])
  assert.deepEqual(pickCrops(Uint8Array.of(0, 1), 6), [0, 1])
})

test('worst mistakes are the surest ones of any model', () => {
  const crops = { count: 3, labels: Uint8Array.of(0, 1, 1), pixels: new Uint8Array(3 * 2500).fill(7) }
  const worst = findWorst(
    [
      { id: 'a', margins: Float32Array.of(3, 1, -0.5) },
      { id: 'b', margins: Float32Array.of(-1, -9, 4) },
    ],
    crops,
  )
  assert.deepEqual(
    worst.map(({ model, index, label }) => [model, index, label]),
    [
      ['b', 1, 'NG'],
      ['a', 0, 'OK'],
      ['a', 2, 'NG'],
    ],
  )
  assert.equal(findWorst([{ id: 'a', margins: Float32Array.of(3, -1, -0.5) }], crops, 1).length, 1)
})

test('spread is the median with quartiles, linear between neighbours', () => {
  assert.deepEqual(spreadOf([4, 1, 3, 2]), { median: 2.5, low: 1.75, high: 3.25 })
})
