import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { type Belt, createTestRandom, cutRows, drawBelt } from '../../test/support/draw-belt.ts'
import { CropsMessageSchema } from '../gen/pelletline/events/v1/events_pb.ts'
import {
  SegmentationMethod,
  type StripHeader,
  StripHeaderSchema,
} from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { createAcknowledgementRule } from './acknowledge-strips.ts'
import { createLineSegmenter } from './kernel/create-line-segmenter.ts'
import { createRunSegmenter } from './segment-strip.ts'
import { toParts } from './to-parts.ts'

const limits = { maxPelletRows: 64, maxPelletsPerStrip: 1000 }

interface Strip {
  readonly header: StripHeader
  readonly pixels: Uint8Array
}

/**
 * Cuts a belt into strips; with `lose` some rows between strips are lost, and with `empty` strips without rows lie between
 * them, which say so in their stead.
 */
function cutStrips(belt: Belt, seed: number, longest: number, lose = false, empty = false): Strip[] {
  const random = createTestRandom(seed)
  const strips: Strip[] = []
  let row = 0
  let lost = 0
  const cuts = cutRows(belt.rows, random, longest)
  for (const [strip, rows] of cuts.entries()) {
    const header = create(StripHeaderSchema, {
      key: { plant: 'p', line: 'l', camera: 'c', run: 'r', strip: BigInt(strips.length) },
      firstRow: BigInt(row),
      rows,
      width: belt.width,
      rowsLostBefore: BigInt(lost),
      // Settings that change from strip to strip, as those of a real line do.
      threshold: 90 + (strip % 3),
      medianAreaPx: 250 + (strip % 5),
      minAreaPx: 20,
      cropScale: 1,
      method: strip % 7 < 3 ? SegmentationMethod.EDGES : SegmentationMethod.REGIONS,
      bedLevel: 20,
      lot: 'lot-1',
      runEnds: strip === cuts.length - 1,
    })
    const pixels = belt.pixels.subarray(row * belt.width, (row + rows) * belt.width)
    row += rows
    if (lose && lost === 0 && strips.length > 0 && !header.runEnds && random() < 0.2) {
      lost = rows
      continue
    }
    if (empty && random() < 0.5) {
      strips.push({ header: { ...header, rows: 0, runEnds: false }, pixels: new Uint8Array(0) })
      header.key = { ...header.key!, strip: BigInt(strips.length) }
      header.rowsLostBefore = 0n
    }
    lost = 0
    strips.push({ header, pixels })
  }
  return strips
}

function startRun(first: Strip) {
  const resumed = (first.header.key?.strip ?? 0n) > 0n
  const run = createRunSegmenter(createLineSegmenter({ width: first.header.width, resumed }), limits)
  const rule = createAcknowledgementRule()
  return ({ header, pixels }: Strip) => {
    const strip = run.segment(header, pixels)
    const parts = toParts(header, strip).map((part) =>
      Buffer.from(toBinary(CropsMessageSchema, part)).toString('base64'),
    )
    return { parts, nextStrip: Number(rule.settle(header, strip.neededFromRow)), found: strip.pellets.count }
  }
}

/** Messages and acknowledgements of an undisturbed run. */
function segmentAll(strips: readonly Strip[]) {
  const next = startRun(strips[0]!)
  return strips.map(next)
}

const belts = fc.record({
  seed: fc.nat(1_000_000),
  pellets: fc.integer({ min: 0, max: 40 }),
  longest: fc.integer({ min: 1, max: 50 }),
  lose: fc.boolean(),
  empty: fc.boolean(),
})

test('a run resumed by the acknowledgement gives the same messages from the first unanswered strip on', () => {
  fc.assert(
    fc.property(belts, fc.double({ min: 0, max: 1, noNaN: true }), ({ seed, pellets, longest, lose, empty }, at) => {
      const belt = drawBelt({ width: 128, rows: 300, pellets, seed, radiusPx: 8 })
      // A bar longer than any pellet may be: its tail must not be reported once more after the resume.
      for (let row = 60; row < 200; row++) belt.pixels.fill(180, row * 128 + 50, row * 128 + 56)
      const strips = cutStrips(belt, seed, longest, lose, empty)
      const undisturbed = segmentAll(strips)
      const answered = 1 + Math.floor(at * (strips.length - 1))
      const resumeAt = undisturbed[answered - 1]!.nextStrip
      if (resumeAt === strips.length) return
      const next = startRun(strips[resumeAt]!)
      for (let strip = resumeAt; strip < strips.length; strip++) {
        const { parts, nextStrip } = next(strips[strip]!)
        if (strip < answered) continue
        assert.deepEqual(parts, undisturbed[strip]!.parts, `strip ${strip}, resumed at ${resumeAt} after ${answered}`)
        assert.equal(nextStrip, undisturbed[strip]!.nextStrip)
      }
    }),
    { numRuns: 300 },
  )
})

test('the acknowledgement never runs ahead, never goes back and covers all strips at the end of the run', () => {
  fc.assert(
    fc.property(belts, ({ seed, pellets, longest, lose, empty }) => {
      const strips = cutStrips(drawBelt({ width: 128, rows: 200, pellets, seed }), seed, longest, lose, empty)
      let before = 0
      for (const [strip, { nextStrip }] of segmentAll(strips).entries()) {
        assert.ok(nextStrip >= before && nextStrip <= strip + 1)
        before = nextStrip
      }
      assert.equal(before, strips.length)
    }),
    { numRuns: 40 },
  )
})

test('strips that are durable and not acknowledged hold the rows of the longest pellet and its margins, and one more strip', () => {
  fc.assert(
    fc.property(belts, ({ seed, pellets, longest, lose }) => {
      const belt = drawBelt({ width: 128, rows: 300, pellets, seed, radiusPx: 8 })
      // Bars as long as a pellet may be, and longer ones.
      for (const [from, to, x] of [
        [40, 40 + limits.maxPelletRows, 20],
        [60, 240, 60],
        [130, 131 + limits.maxPelletRows, 100],
      ] as const)
        for (let row = from; row < to; row++) belt.pixels.fill(180, row * 128 + x, row * 128 + x + 6)
      const strips = cutStrips(belt, seed, longest, lose)
      for (const [strip, { nextStrip }] of segmentAll(strips).entries()) {
        if (nextStrip >= strip) continue
        const { firstRow, rows } = strips[strip]!.header
        const held = Number(firstRow) + rows - Number(strips[nextStrip + 1]!.header.firstRow)
        assert.ok(held <= limits.maxPelletRows + 4, `${held} rows behind strip ${nextStrip} are held after ${strip}`)
      }
    }),
    { numRuns: 60 },
  )
})

for (const [what, pelletRow, cuts] of [
  // First row, rows, and rows lost before.
  [
    'tells of lost rows',
    20,
    [
      [0, 10, 0],
      [20, 0, 10],
      [20, 10, 0],
      [30, 10, 0],
    ],
  ],
  [
    'begins the run',
    0,
    [
      [0, 0, 0],
      [0, 10, 0],
      [10, 30, 0],
    ],
  ],
] as const)
  test(`a pellet right below a strip without rows that ${what} is reported, also by a run resumed while it is open`, () => {
    const belt = drawBelt({ width: 128, rows: 40, pellets: 0, seed: 1, flat: true })
    for (let row = pelletRow; row < pelletRow + 16; row++) belt.pixels.fill(180, row * 128 + 50, row * 128 + 66)
    const [whole] = cutStrips(belt, 1, 1)
    const strips = cuts.map(([firstRow, rows, rowsLostBefore], strip) => ({
      header: create(StripHeaderSchema, {
        ...whole!.header,
        key: { ...whole!.header.key!, strip: BigInt(strip) },
        firstRow: BigInt(firstRow),
        rows,
        rowsLostBefore: BigInt(rowsLostBefore),
        runEnds: strip === cuts.length - 1,
      }),
      pixels: belt.pixels.subarray(firstRow * 128, (firstRow + rows) * 128),
    }))
    const undisturbed = segmentAll(strips)
    assert.equal(undisturbed.at(-1)!.found, 1)
    const resumeAt = undisturbed.at(-2)!.nextStrip
    assert.equal(segmentAll(strips.slice(resumeAt)).at(-1)!.found, 1, `resumed at ${resumeAt}`)
  })

test('strips without rows change nothing, and a last one closes the run', () => {
  const belt = drawBelt({ width: 128, rows: 100, pellets: 20, seed: 3 })
  const strips = cutStrips(belt, 3, 40)
  const found = segmentAll(strips).reduce((sum, strip) => sum + strip.found, 0)
  const spread: Strip[] = []
  const push = (header: StripHeader, rows: number, firstRow: bigint, runEnds: boolean, pixels: Uint8Array) =>
    spread.push({
      header: create(StripHeaderSchema, {
        ...header,
        key: { ...header.key!, strip: BigInt(spread.length) },
        rows,
        firstRow,
        runEnds,
      }),
      pixels,
    })
  for (const { header, pixels } of strips) {
    push(header, 0, header.firstRow, false, new Uint8Array(0))
    push(header, header.rows, header.firstRow, false, pixels)
  }
  push(strips[0]!.header, 0, 100n, true, new Uint8Array(0))
  const again = segmentAll(spread)
  assert.equal(
    again.reduce((sum, strip) => sum + strip.found, 0),
    found,
  )
  assert.ok(again.at(-1)!.found > 0)
  assert.equal(again.at(-1)!.nextStrip, spread.length)
})

test('the header says how pellets are found: one too dim for the threshold is found by edges only', () => {
  const belt = drawBelt({ width: 128, rows: 100, pellets: 0, seed: 1, flat: true })
  for (let row = 40; row < 60; row++) belt.pixels.fill(70, row * 128 + 50, row * 128 + 70)
  const found = (method: SegmentationMethod) => {
    const [first] = cutStrips(belt, 1, 1)
    const header = create(StripHeaderSchema, { ...first!.header, rows: 100, method, bedLevel: 20, runEnds: true })
    return segmentAll([{ header, pixels: belt.pixels }])[0]!.found
  }
  assert.equal(found(SegmentationMethod.UNSPECIFIED), 0)
  assert.equal(found(SegmentationMethod.REGIONS), 0)
  assert.equal(found(SegmentationMethod.EDGES), 1)
})
