import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeErrors, summarise } from './measure-geometry.ts'
import type { StripTruth } from './simulate-strip.ts'

test('summarise takes errors from the edges of the outline and from its area', () => {
  const edges = { left: 10.25, right: 40.25, top: -3, bottom: 33 }
  const truth = { edges, areaPx: 800, equivalentDiameterPx: 32 } as StripTruth
  const measured = { x: 10, y: -3, width: 31, height: 36, areaPx: 808, equivalentDiameterPx: 32.5 }
  const figures = summarise([
    { truth, measured },
    { truth, measured: { ...measured, width: 29 } },
  ])
  assert.equal(figures.pellets, 2)
  assert.equal(figures.middleX.bias, -0.25)
  assert.equal(figures.middleY.bias, 0)
  assert.deepEqual(figures.width, { bias: 0, deviation: Math.SQRT2 })
  assert.deepEqual(figures.areaPx, { bias: 8, deviation: 0 })
  assert.ok(Math.abs(figures.areaShare.bias - 0.01) < 1e-12)
  assert.equal(figures.equivalentDiameterPx.bias, 0.5)
})

test('describeErrors has no deviation of a single error', () => {
  assert.deepEqual(describeErrors([0.5]), { bias: 0.5, deviation: Number.NaN })
})
