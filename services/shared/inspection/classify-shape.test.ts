import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NotJudgedReason } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import {
  classifyShape,
  completeShapeLimits,
  defaultShapeLimits,
  isWholePellet,
  type ShapeMeasures,
} from './classify-shape.ts'
import { equivalentDiameter } from './equivalent-diameter.ts'

const median = 900

/** A pellet of this area, its Feret width that of the disc, as long as told. */
function pellet(areaPx: number, more: Partial<ShapeMeasures> & { readonly lengthInWidths?: number } = {}) {
  const { lengthInWidths = 1, ...rest } = more
  const diameter = equivalentDiameter(areaPx)
  const measures = {
    areaPx,
    equivalentDiameterPx: diameter,
    feretWidthPx: diameter,
    feretLengthPx: diameter * lengthInWidths,
    notJudged: 0,
    touchesBorder: 0,
    ...rest,
  }
  return classifyShape(measures, median, completeShapeLimits(undefined))
}

describe('classifyShape', () => {
  test('a pellet of median size is regular', () => {
    assert.equal(pellet(median), 'regular')
  })

  test('fines are below 0.6 of the median diameter, so 0.36 of the median area; at the limit a pellet is regular', () => {
    const limit = 0.6 * equivalentDiameter(median)
    assert.equal(pellet(324, { equivalentDiameterPx: limit }), 'regular')
    assert.equal(pellet(324, { equivalentDiameterPx: limit * (1 - 1e-9) }), 'fines')
    assert.equal(pellet(323), 'fines')
    assert.equal(pellet(325), 'regular')
  })

  test('twins are above 1.6 median areas; at the limit a pellet is regular', () => {
    assert.equal(pellet(1440), 'regular')
    assert.equal(pellet(1441), 'twins')
  })

  test('tails are longer than 2 of their widths; at the limit a pellet is regular', () => {
    assert.equal(pellet(median, { feretWidthPx: 20, feretLengthPx: 40 }), 'regular')
    assert.equal(pellet(median, { feretWidthPx: 20, feretLengthPx: 40.001 }), 'tails')
  })

  test('two pellets joined in a row are twins and a long splinter is fines: size comes before length', () => {
    assert.equal(pellet(1800, { lengthInWidths: 2.2 }), 'twins')
    assert.equal(pellet(200, { lengthInWidths: 5 }), 'fines')
  })

  test('a cluster that was not split is one, cut or not and whatever its measures', () => {
    const notJudged = NotJudgedReason.CLUSTER
    assert.equal(pellet(200, { notJudged }), 'clusters')
    assert.equal(pellet(5000, { notJudged, touchesBorder: 1 }), 'clusters')
  })

  test('a pellet cut by the edge, the run or lost rows has no class', () => {
    for (const notJudged of [NotJudgedReason.IMAGE_EDGE, NotJudgedReason.LOST_ROWS, NotJudgedReason.OVERSIZE]) {
      assert.equal(pellet(200, { notJudged, touchesBorder: 1 }), undefined)
    }
  })

  test('an oversize piece is classed by what it measures', () => {
    const notJudged = NotJudgedReason.OVERSIZE
    assert.equal(pellet(3000, { notJudged }), 'twins')
    assert.equal(pellet(1300, { notJudged, lengthInWidths: 4 }), 'tails')
    assert.equal(pellet(1300, { notJudged }), 'regular')
  })

  test('limits of a recipe hold, and 0 or nothing stands for the default', () => {
    assert.deepEqual(completeShapeLimits(undefined), { finesDiameter: 0.6, tailLength: 2, twinArea: 1.6 })
    assert.deepEqual(completeShapeLimits({ finesDiameter: 0, tailLength: 0, twinArea: 0 }), defaultShapeLimits)
    const limits = completeShapeLimits({ tailLength: 1.2 })
    assert.deepEqual(limits, { ...defaultShapeLimits, tailLength: 1.2 })
    const measures = {
      areaPx: median,
      equivalentDiameterPx: equivalentDiameter(median),
      notJudged: 0,
      touchesBorder: 0,
    }
    assert.equal(classifyShape({ ...measures, feretWidthPx: 20, feretLengthPx: 25 }, median, limits), 'tails')
  })
})

describe('isWholePellet', () => {
  test('size is known of judged and oversize pieces that nothing cuts', () => {
    const whole = (notJudged: number, touchesBorder: number) => isWholePellet({ notJudged, touchesBorder })
    assert.deepEqual([whole(0, 0), whole(NotJudgedReason.OVERSIZE, 0)], [true, true])
    assert.deepEqual([whole(NotJudgedReason.CLUSTER, 0), whole(0, 1)], [false, false])
    assert.equal(whole(NotJudgedReason.OVERSIZE, 1), false)
  })
})
