import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type ColumnName, columnIds, packColumns, unpackColumns } from './pack-columns.ts'

const names = Object.keys(columnIds) as ColumnName[]
const floats = ['equivalentDiameterPx', 'aspectRatio', 'roundness', 'meanGray', 'margin']

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

  test('layout version 1 stays byte for byte', () => {
    const zero = Object.fromEntries(names.map((name) => [name, [0, 0]])) as Record<ColumnName, number[]>
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
})
