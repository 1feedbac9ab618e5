import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { PelletColumnsSchema, SpeckColumnsSchema } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { findMeasureViolations, laterColumns } from './check-measures.ts'

type Pellets = Partial<Record<'equivalentDiameterPx' | 'meanGray' | (typeof laterColumns)[number], number[]>>

/** Fields that are named for three pellets with 20, 0 and 1 specks, of which those of `speckPellets` are listed. */
function fieldsOf(change: Pellets = {}, speckPellets: readonly number[] = [0, 0, 2], cut = false): string[] {
  const pellets = create(PelletColumnsSchema, {
    equivalentDiameterPx: [30, 31, 32],
    meanGray: [0, 128, 255],
    feretLengthPx: [34, 35, 36],
    feretWidthPx: [28, 29, 30],
    solidity: [0.97, 0.98, 0.99],
    graySpread: [3, 4, 5],
    speckCount: [20, 0, 1],
    speckAreaPx: [60, 0, 3],
    ...change,
  })
  const column = (value: number) => speckPellets.map(() => value)
  const specks = create(SpeckColumnsSchema, {
    pellet: [...speckPellets],
    areaPx: column(3),
    equivalentDiameterPx: column(1.95),
    contrast: column(0.5),
    x: column(4),
    y: column(5),
    atRim: cut ? [] : column(0),
  })
  return findMeasureViolations(pellets, specks, 3).map(({ field }) => field)
}

describe('findMeasureViolations', () => {
  test('takes whole columns, columns that nobody measured, and 16 specks of a pellet', () => {
    assert.deepEqual(fieldsOf(), [])
    const none = Object.fromEntries(laterColumns.map((name) => [name, []]))
    assert.deepEqual(fieldsOf(none, []), [])
    assert.deepEqual(fieldsOf({}, Array(16).fill(0)), [])
    assert.deepEqual(findMeasureViolations(create(PelletColumnsSchema), undefined, 0), [])
  })

  test('names a column of another length', () => {
    for (const name of laterColumns) assert.deepEqual(fieldsOf({ [name]: [1, 1] }, []), [`pellets.${name}`])
    assert.deepEqual(fieldsOf({}, [0], true), ['specks.atRim'])
  })

  test('names measures that are no numbers or out of their domain', () => {
    assert.deepEqual(fieldsOf({ meanGray: [1, 255.5, 2] }), ['pellets.meanGray'])
    assert.deepEqual(fieldsOf({ equivalentDiameterPx: [1, Number.NaN, 2] }), ['pellets.equivalentDiameterPx'])
    assert.deepEqual(fieldsOf({ feretLengthPx: [1, -1, 2] }), ['pellets.feretLengthPx'])
    assert.deepEqual(fieldsOf({ feretWidthPx: [1, Number.POSITIVE_INFINITY, 2] }), ['pellets.feretWidthPx'])
  })

  test('refuses specks without a pellet, out of order, and more than a pellet can list', () => {
    assert.deepEqual(fieldsOf({}, [0, 3]), ['specks.pellet'])
    assert.deepEqual(fieldsOf({}, [2, 0]), ['specks.pellet'])
    assert.deepEqual(fieldsOf({}, Array(17).fill(0)), ['specks.pellet'])
    assert.deepEqual(fieldsOf({}, [1]), ['specks.pellet'])
    assert.deepEqual(fieldsOf({}, [2, 2]), ['specks.pellet'])
    assert.deepEqual(fieldsOf({ speckCount: [], speckAreaPx: [] }, [0]), ['specks.pellet'])
  })
})
