import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLineRenderer, pelletTruth, resolveLineSettings } from '../../../services/line-simulator/index.ts'
import { createOutline } from '../../../services/line-simulator/pellet/outline.ts'
import { createSegmenter } from '../../../services/roi-segmentation/index.ts'
import { addScores, createScores } from './score-specks.ts'
import { spanOutline } from './span-outline.ts'

test('the span of an ellipse is its axes', () => {
  const outline = createOutline({ a: 20, b: 15, exponent: 2, waves: [], bumps: [], twinDistance: 0 })
  const { length, width } = spanOutline(outline)
  assert.ok(Math.abs(length - 40) < 0.02, `length ${length}`)
  assert.ok(Math.abs(width - 30) < 0.02, `width ${width}`)
})

test('scores pair each speck with the one by truth, and clean pellets with what was seen in them', () => {
  const side = 720
  const specks = { prevalence: 0.5, subSizeShare: 0, severalShare: 0, smallestSpeckPx: 5, rimShare: 0 }
  const settings = resolveLineSettings({ width: side, pelletsPerMpx: 150, clusterShare: 0, specks })
  const renderer = createLineRenderer({ settings, seed: 7 })
  const pixels = new Uint8Array(side * side)
  renderer.render(0, side, pixels)
  const known = renderer.pelletsEndingIn(0, side).map((pellet) => ({
    truth: pelletTruth(pellet),
    span: spanOutline(pellet.look.outline),
    tailed: pellet.look.tail !== undefined,
  }))
  const segmenter = createSegmenter({ width: side })
  const strip = { pixels, width: side, rows: side, firstRow: 0, rowsLostBefore: 0 }
  const { pellets } = segmenter.push(strip, {
    threshold: 80,
    medianAreaPx: (Math.PI / 4) * 36 ** 2,
    minAreaPx: 60,
    cropScale: 1,
    maxPelletRows: 300,
    maxPelletsPerStrip: 1000,
    bedLevel: 18,
    smallestSpeckPx: 3,
  })
  const scores = createScores()
  addScores(scores, known, pellets)
  const found = scores.specks.filter(({ measured }) => measured !== undefined)
  assert.ok(scores.specks.length >= 15, `${scores.specks.length} specks`)
  assert.ok(found.length >= 0.9 * scores.specks.length, `${found.length} of ${scores.specks.length} found`)
  for (const { truth, measured } of found) {
    assert.ok(Math.abs(measured!.equivalentDiameterPx - truth.diameterPx) < 2, `${measured!.equivalentDiameterPx}`)
  }
  assert.ok(scores.clean.length >= 15)
  assert.ok(scores.clean.filter((diameter) => diameter > 0).length <= 1)
  assert.ok(scores.errors.length > scores.clean.length)

  // The same strip with the specks forgotten: they are then seen in clean pellets.
  const forgetful = createScores()
  addScores(
    forgetful,
    known.map((pellet) => ({ ...pellet, truth: { ...pellet.truth, specks: [] } })),
    pellets,
  )
  assert.equal(forgetful.specks.length, 0)
  assert.ok(forgetful.clean.filter((diameter) => diameter >= 3).length >= found.length)
})
