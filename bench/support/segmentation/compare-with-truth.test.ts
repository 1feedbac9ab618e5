import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PelletColumns } from '../../../services/roi-segmentation/kernel/types.ts'
import { countBoxes, countPellets } from './compare-with-truth.ts'

const box = (x: number, y: number, width = 36, height = 36) => ({ x, y, width, height })
/** Two that touch, one alone, one cut by the upper border (and, as the strip follows itself, seen at the lower one as well). */
const strip = {
  rows: 256,
  truth: [box(100, 50), box(136, 50), box(300, 120), box(500, -10)].map((one) => ({ box: one })),
}

test('countBoxes counts what the border cuts once, and neither a merged pair nor a piece as found', () => {
  const counts = countBoxes(strip, [
    [100, 50, 72, 36],
    [301, 121, 35, 35],
    [500, 0, 36, 26],
    [500, 246, 36, 10],
    [700, 30, 10, 10],
  ])
  assert.deepEqual(counts, {
    truth: 4,
    found: 4,
    whole: 3,
    wholeFound: 1,
    extra: 2,
    clusters: undefined,
    oversize: undefined,
    specks: undefined,
  })
})

test('countPellets places pellets of any lap in the strip and counts what is not judged', () => {
  const boxes = [box(100, 50), box(136, 50), box(300, 120), box(500, -10)]
  const lap = 7
  const columns = {
    count: boxes.length,
    x: Int32Array.from(boxes, ({ x }) => x),
    y: Float64Array.from(boxes, ({ y }) => y + lap * strip.rows),
    width: Int32Array.from(boxes, ({ width }) => width),
    height: Int32Array.from(boxes, ({ height }) => height),
    notJudged: Uint8Array.of(1, 0, 0, 2),
    speckCount: Int32Array.of(0, 3, 2, 0),
  } as unknown as PelletColumns
  assert.deepEqual(countPellets(strip, columns), {
    truth: 4,
    found: 4,
    whole: 3,
    wholeFound: 3,
    extra: 0,
    clusters: 1,
    oversize: 1,
    specks: 5,
  })
})
