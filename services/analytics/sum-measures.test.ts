import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NotJudgedReason } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { completeShapeLimits } from '../shared/inspection/classify-shape.ts'
import { sizeClassOf, sizeQuantities, sizeUnits } from '../shared/statistics/size-classes.ts'
import { sumMeasures } from './booking/sum-measures.ts'
import { toDistribution } from './lots/read-distributions.ts'
import { addMeasures } from './test-support/add-measures.ts'
import { makeVerdicts } from './test-support/make-messages.ts'

const limits = completeShapeLimits(undefined)
const messageOf = (letters: string) => makeVerdicts({ line: 'line-1', lot: 'lot-1', strip: 0, parts: [letters] })[0]!
const zero = {
  regular: 0n,
  fines: 0n,
  tails: 0n,
  twins: 0n,
  clusters: 0n,
  specked: 0n,
  specks_measured: 0n,
  gray_pellets: 0n,
  gray_milli: 0n,
}

describe('sumMeasures', () => {
  test('counts pellets by shape, specked ones among those measured, and grays of those judged', () => {
    const message = addMeasures(messageOf('oonncs'))
    message.pellets!.meanGray = [180, 181.5, 0, 255, 99, 99]
    const { sums } = sumMeasures(message, limits)
    assert.deepEqual(sums, {
      ...zero,
      regular: 4n,
      clusters: 1n,
      specked: 2n,
      specks_measured: 4n,
      gray_pellets: 4n,
      gray_milli: 616_500n,
    })
  })

  test('counts pellets that were shed nowhere, whatever the message carries of them', () => {
    const shed = addMeasures(messageOf('onsn'))
    const judged = addMeasures(messageOf('onn'))
    // The shed pellet has the measures, and the specks, of one judged NG.
    Object.assign(shed.pellets!, { speckCount: [0, 2, 2, 2], speckAreaPx: [0, 10, 10, 10] })
    for (const column of ['areaPx', 'equivalentDiameterPx', 'contrast', 'x', 'y', 'atRim'] as const) {
      shed.specks![column].push(...shed.specks![column].slice(0, 2))
    }
    shed.specks!.pellet = [1, 1, 2, 2, 3, 3]
    assert.deepEqual(sumMeasures(shed, limits), sumMeasures(judged, limits))
  })

  test('puts every class of shape where it belongs and none to a pellet that is cut', () => {
    const message = addMeasures(messageOf('ooooo'))
    Object.assign(message.pellets!, {
      areaPx: [900, 200, 1800, 900, 900],
      equivalentDiameterPx: [33.9, 16, 47.9, 33.9, 33.9],
      feretLengthPx: [36, 17, 60, 70, 36],
      notJudged: [0, 0, 0, NotJudgedReason.OVERSIZE, NotJudgedReason.IMAGE_EDGE],
      touchesBorder: [0, 0, 0, 0, 1],
    })
    const { sums, histogram } = sumMeasures(message, limits)
    assert.deepEqual([sums.regular, sums.fines, sums.twins, sums.tails, sums.clusters], [1n, 1n, 1n, 1n, 0n])
    assert.equal(
      histogram.reduce((sum, { pieces }) => sum + pieces, 0n),
      4n,
    )
  })

  test('sorts diameters in um by the geometric mean of the pixel sizes, in px without optics', () => {
    const message = addMeasures(messageOf('onc'))
    const countsOf = (diameters: number, specks: readonly number[], unit: number) => [
      { quantity: sizeQuantities.pelletDiameter, unit, class: sizeClassOf(diameters), pieces: 2n },
      ...specks.map((size) => ({ quantity: sizeQuantities.speckDiameter, unit, class: sizeClassOf(size), pieces: 1n })),
    ]
    assert.deepEqual(sumMeasures(message, limits).histogram, countsOf(33.85 * 60, [180, 120], sizeUnits.um))
    delete message.header!.optics
    assert.deepEqual(sumMeasures(message, limits).histogram, countsOf(33.85, [3, 2], sizeUnits.px))
  })

  test('without Feret columns or recipe no pellet has a class, without a smallest speck none was looked for', () => {
    const { sums, histogram } = sumMeasures(messageOf('onc'), limits)
    assert.deepEqual(sums, { ...zero, gray_pellets: 2n, gray_milli: 361_000n })
    assert.equal(histogram[0]?.pieces, 2n)
    const measured = addMeasures(messageOf('onc'))
    assert.deepEqual(sumMeasures(measured, undefined).sums.regular, 0n)
    measured.header!.smallestSpeckPx = 0
    assert.deepEqual(sumMeasures(measured, limits).sums.specks_measured, 0n)
    assert.ok(
      sumMeasures(measured, limits).histogram.every(({ quantity }) => quantity === sizeQuantities.pelletDiameter),
    )
  })

  test('a part without a pellet adds nothing', () => {
    assert.deepEqual(sumMeasures(addMeasures(messageOf('')), limits), { sums: zero, histogram: [] })
  })
})

describe('distribution of a lot', () => {
  test('fills classes without a piece between others, and its quantiles ascend', () => {
    const classes = [
      { sizeClass: 40, pieces: 2 },
      { sizeClass: 42, pieces: 6 },
    ]
    const distribution = toDistribution(sizeUnits.um, classes)
    assert.equal(distribution.pieces, 8n)
    assert.deepEqual(
      distribution.classes?.map(({ pieces }) => pieces),
      [2n, 0n, 6n],
    )
    assert.equal(distribution.classes?.[0]?.lower, 10)
    assert.equal(distribution.classes?.[0]?.upper, distribution.classes?.[1]?.lower)
    assert.ok(Math.abs(distribution.d10! - 10 ** (40.4 / 40)) < 1e-9)
    assert.ok(Math.abs(distribution.d50! - 10 ** ((42 + 2 / 6) / 40)) < 1e-9)
    assert.ok(distribution.d10! < distribution.d50! && distribution.d50! < distribution.d90!)
  })
})
