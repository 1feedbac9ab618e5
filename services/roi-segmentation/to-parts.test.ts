import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { type CropsMessage, CropsMessageSchema } from '../gen/pelletline/events/v1/events_pb.ts'
import { StripHeaderSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { validateMessage } from '../shared/rpc/validate-message.ts'
import { joinPellets } from './join-pellets.ts'
import type { PelletColumns, SpeckColumns } from './kernel/types.ts'
import { toParts } from './to-parts.ts'

const header = create(StripHeaderSchema, {
  key: { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: 'run-1', strip: 7n },
  firstRow: 700n,
  rows: 100,
  width: 64,
  rowsLostBefore: 3n,
  threshold: 90,
  medianAreaPx: 200,
  minAreaPx: 20,
  cropScale: 1,
  lot: 'lot-1',
})

/** Pellets whose measures tell which one they are. */
function makePellets(notJudged: readonly number[]): PelletColumns {
  const count = notJudged.length
  const ints = (scale: number) => Int32Array.from(notJudged, (_, i) => i * scale)
  const floats = (scale: number) => Float32Array.from(notJudged, (_, i) => i * scale)
  const crops = new Uint8Array(count * 2500)
  for (let i = 0; i < count; i++) if (notJudged[i] === 0) crops.fill((i % 250) + 1, i * 2500, (i + 1) * 2500)
  return {
    count,
    x: ints(1),
    y: Float64Array.from(notJudged, (_, i) => 690 + i),
    width: ints(2),
    height: ints(3),
    areaPx: ints(4),
    equivalentDiameterPx: floats(0.5),
    aspectRatio: floats(0.25),
    roundness: floats(0.125),
    meanGray: floats(0.0625),
    touchesBorder: Uint8Array.from(notJudged, (reason) => (reason > 2 ? 1 : 0)),
    notJudged: Uint8Array.from(notJudged),
    feretLengthPx: floats(0.75),
    feretWidthPx: floats(0.375),
    solidity: floats(0.001),
    graySpread: floats(0.03125),
    speckCount: ints(1),
    speckAreaPx: ints(5),
    specks: makeSpecks(notJudged),
    crops,
  }
}

/** Two specks of every third pellet; area and middle tell whose they are. */
function makeSpecks(notJudged: readonly number[]): SpeckColumns {
  const pellet = notJudged.flatMap((_, i) => (i % 3 === 0 ? [i, i] : []))
  const floats = Float32Array.from(pellet, (i) => i / 8)
  return {
    count: pellet.length,
    pellet: Int32Array.from(pellet),
    areaPx: Int32Array.from(pellet, (i, at) => 2 * i + (at % 2)),
    equivalentDiameterPx: floats,
    contrast: floats,
    x: floats,
    y: floats,
    atRim: Uint8Array.from(pellet, (i) => i % 2),
  }
}

function sum(parts: readonly CropsMessage[], read: (part: NonNullable<CropsMessage['reconciliation']>) => bigint) {
  return parts.reduce((total, part) => total + read(part.reconciliation!), 0n)
}

test('a strip becomes parts of at most 384 pellets that together are the strip', () => {
  const reasons = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 1200, size: 'max' })
  fc.assert(
    fc.property(reasons, fc.nat(50), fc.nat(50), (notJudged, dust, shed) => {
      const pellets = makePellets(notJudged)
      const parts = toParts(header, { pellets, dust, shed })
      assert.equal(parts.length, Math.max(1, Math.ceil(notJudged.length / 384)))
      for (const [number, part] of parts.entries()) {
        validateMessage(CropsMessageSchema, part)
        assert.equal(part.part, number)
        assert.equal(part.partCount, parts.length)
        assert.equal(part.firstIndex, number * 384)
        assert.ok(toBinary(CropsMessageSchema, part).length < 1_000_000)
        assert.equal(part.crops.length, part.pellets!.notJudged.filter((reason) => reason === 0).length * 2500)
      }
      const all = (read: (columns: NonNullable<CropsMessage['pellets']>) => (number | bigint)[]) =>
        parts.flatMap((part) => read(part.pellets!))
      assert.deepEqual(
        all((columns) => columns.notJudged),
        notJudged,
      )
      assert.deepEqual(
        all((columns) => columns.x),
        Array.from(pellets.x),
      )
      assert.deepEqual(
        all((columns) => columns.y),
        Array.from(pellets.y, (row) => BigInt(row - 700)),
      )
      assert.deepEqual(
        all((columns) => columns.speckAreaPx),
        Array.from(pellets.speckAreaPx),
      )
      const specks = parts.flatMap(({ firstIndex, specks: part }) =>
        part!.pellet.map((pellet, i) => [firstIndex + pellet, part!.areaPx[i], part!.atRim[i]]),
      )
      assert.deepEqual(
        specks,
        Array.from(pellets.specks.pellet, (pellet, i) => [pellet, 2 * pellet + (i % 2), pellet % 2]),
      )
      const crops = parts.flatMap((part) => Array.from(part.crops).filter((_, at) => at % 2500 === 1234))
      const expected = notJudged.flatMap((reason, i) => (reason === 0 ? [(i % 250) + 1] : []))
      assert.deepEqual(crops, expected)
      assert.equal(
        sum(parts, (counts) => counts.found),
        BigInt(notJudged.length + shed),
      )
      assert.equal(
        sum(parts, (counts) => counts.notJudged),
        BigInt(notJudged.length - expected.length),
      )
      assert.equal(
        sum(parts, (counts) => counts.notJudgedByReason!.lostRows),
        BigInt(notJudged.filter((r) => r === 4).length),
      )
      assert.equal(
        sum(parts, (counts) => counts.shed),
        BigInt(shed),
      )
      assert.equal(
        sum(parts, (counts) => counts.dust),
        BigInt(dust),
      )
      assert.equal(
        sum(parts, (counts) => counts.strips),
        1n,
      )
      assert.equal(
        sum(parts, (counts) => counts.rowsAcquired),
        100n,
      )
      assert.equal(
        sum(parts, (counts) => counts.rowsLost),
        3n,
      )
    }),
    { numRuns: 60 },
  )
})

test('a strip without a pellet becomes one part that counts its rows', () => {
  const [part, ...more] = toParts(header, { pellets: makePellets([]), dust: 2, shed: 0 })
  assert.equal(more.length, 0)
  assert.equal(part!.partCount, 1)
  assert.equal(part!.reconciliation!.rowsAcquired, 100n)
  assert.equal(part!.reconciliation!.found, 0n)
})

test('joined pellets are one list after the other with all columns', () => {
  const joined = joinPellets([makePellets([0, 1]), makePellets([]), makePellets([2, 0, 3])])
  assert.equal(joined.count, 5)
  assert.deepEqual(Array.from(joined.notJudged), [0, 1, 2, 0, 3])
  assert.deepEqual(Array.from(joined.areaPx), [0, 4, 0, 4, 8])
  assert.deepEqual(Array.from(joined.specks.pellet), [0, 0, 2, 2])
  assert.deepEqual(Array.from(joined.graySpread), [0, 0.03125, 0, 0.03125, 0.0625])
  assert.equal(joined.crops[0], 1)
  assert.equal(joined.crops[3 * 2500], 2)
})
