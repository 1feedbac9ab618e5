import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { laterColumns } from '../inspection/check-measures.ts'
import { type ColumnName, columnIds, packColumns, unpackColumns } from './pack-columns.ts'
import { packSpecks, speckColumnIds, unpackSpecks } from './pack-specks.ts'

const names = Object.keys(columnIds) as ColumnName[]
const later: readonly ColumnName[] = laterColumns
const first = names.filter((name) => !later.includes(name))
const floats = ['equivalentDiameterPx', 'aspectRatio', 'roundness', 'meanGray', 'margin', ...later.slice(0, 4)]

/** Columns of `count` pellets, each of a range of its own so that every encoding comes up. */
const anyColumns = fc.integer({ min: 0, max: 40 }).chain((count) =>
  fc
    .tuple(
      ...names.map((name) => {
        const value = floats.includes(name)
          ? fc.float({ noNaN: true })
          : fc.constantFrom(1, 250, 60_000, 2 ** 31).chain((max) =>
              fc.integer({
                min: name === 'y' ? -max : 0,
                max: Math.min(max, name === 'y' ? 2 ** 31 - 1 : 2 ** 32 - 1),
              }),
            )
        return fc.oneof(
          fc.array(value, { minLength: count, maxLength: count }),
          value.map((one) => Array(count).fill(one)),
        )
      }),
    )
    .map((values) => ({
      count,
      columns: Object.fromEntries(names.map((name, index) => [name, values[index] as number[]])) as Record<
        ColumnName,
        number[]
      >,
    })),
)

describe('packed columns', () => {
  test('what is packed is read back exactly', () => {
    fc.assert(
      fc.property(anyColumns, ({ count, columns }) => {
        assert.deepEqual(unpackColumns(packColumns(columns, count)), { count, ...columns })
      }),
    )
  })

  test('columns that were not measured are not stored, and parts of before they were are read', () => {
    const columns = Object.fromEntries(first.map((name) => [name, [1, 2]])) as Record<ColumnName, number[]>
    const { speckCount, ...read } = unpackColumns(packColumns({ ...columns, graySpread: [3, 4] }, 2))
    assert.deepEqual(read, { count: 2, ...columns, graySpread: [3, 4] })
    assert.equal(speckCount, undefined)
    assert.throws(() => packColumns({ ...columns, graySpread: [3] }, 2), /column graySpread has 1 values for 2 pellets/)
    const { margin: _, ...cut } = columns
    assert.throws(() => packColumns(cut as typeof columns, 2), /column margin has undefined values/)
  })

  test('layout version 1 stays byte for byte, and bytes written before a column was added are read as they were', () => {
    const zero = Object.fromEntries(first.map((name) => [name, [0, 0]])) as Record<ColumnName, number[]>
    const bytes = packColumns({ ...zero, x: [1, 300], y: [-1, 5], margin: [0.5, -2] }, 2)
    assert.equal(
      Buffer.from(bytes).toString('hex'),
      '010d000002000000' +
        '01020000020400000308000004080000050800000607000007070000080700000907000' +
        '00a0800000b0800000c0800000d090000' +
        '01002c01ff05' +
        '00000000'.repeat(10) +
        '0000003f000000c0',
    )
    assert.deepEqual(unpackColumns(bytes), { count: 2, ...zero, x: [1, 300], y: [-1, 5], margin: [0.5, -2] })
  })

  test('damaged bytes are refused, never read as something else', () => {
    const columns = Object.fromEntries(names.map((name) => [name, [1, 2, 3]])) as Record<ColumnName, number[]>
    const bytes = packColumns(columns, 3)
    for (let length = 0; length < bytes.length; length += 1) {
      assert.throws(() => unpackColumns(bytes.subarray(0, length)), { code: 'data_loss' })
    }
    assert.throws(() => unpackColumns(new Uint8Array([2, ...bytes.subarray(1)])), /layout version 2/)
    assert.throws(() => packColumns({ ...columns, x: [1] }, 3), /column x has 1 values for 3 pellets/)
    assert.throws(() => packColumns({ ...columns, x: [1, 2, 0.5] }, 3), /whole numbers/)
  })

  test('bytes with a missing or unknown column are refused or passed over by its id', () => {
    const columns = Object.fromEntries(first.map((name) => [name, [1, 2]])) as Record<ColumnName, number[]>
    const bytes = packColumns(columns, 2)
    bytes[8] = 250
    assert.throws(() => unpackColumns(bytes), { code: 'data_loss', message: /without the column x/ })
    const newer = packColumns({ ...columns, speckAreaPx: [7, 8] }, 2)
    newer[8 + 4 * 13] = 250
    assert.deepEqual(unpackColumns(newer), { count: 2, ...columns })
  })
})

describe('packed specks', () => {
  const floatNames = ['equivalentDiameterPx', 'contrast', 'x', 'y']
  const anySpecks = fc.integer({ min: 0, max: 40 }).chain((count) =>
    fc.record(
      Object.fromEntries(
        Object.keys(speckColumnIds).map((name) => {
          const value = floatNames.includes(name) ? fc.float({ noNaN: true }) : fc.nat(70_000)
          return [name, fc.array(value, { minLength: count, maxLength: count })]
        }),
      ) as Record<keyof typeof speckColumnIds, fc.Arbitrary<number[]>>,
    ),
  )

  test('what is packed is read back exactly', () => {
    fc.assert(
      fc.property(anySpecks, (specks) => {
        assert.deepEqual(unpackSpecks(packSpecks(specks)), { count: specks.pellet.length, ...specks })
      }),
    )
  })

  test('layout stays byte for byte', () => {
    const specks = { pellet: [0, 300], areaPx: [9, 4], equivalentDiameterPx: [3.5, 2.25], contrast: [0.5, 0.5] }
    const bytes = packSpecks({ ...specks, x: [1, 2], y: [4, 4], atRim: [0, 1] })
    assert.equal(
      Buffer.from(bytes).toString('hex'),
      '0107000002000000' +
        '01020000020100000309000004070000050900000607000007010000' +
        '00002c01' +
        '0904' +
        '0000604000001040' +
        '0000003f' +
        '0000803f00000040' +
        '00008040' +
        '0001',
    )
    assert.throws(() => unpackSpecks(bytes.subarray(1)), { code: 'data_loss', message: /Packed speck columns/ })
  })
})
