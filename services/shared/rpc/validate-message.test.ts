import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { ScoreCropsRequestSchema } from '../../gen/pelletline/audit/v1/audit_pb.ts'
import { SegmentStripsRequestSchema } from '../../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import type { FieldViolation, PelletlineError } from '../errors/pelletline-error.ts'
import { validateMessage } from './validate-message.ts'

const key = { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: 'run-1', strip: 2n ** 62n - 1n }
const header = { key, rows: 1, width: 32, medianAreaPx: 1, minAreaPx: 1, cropScale: 1, lot: 'lot-1' }

function violationsOf(request: MessageInitShape<typeof SegmentStripsRequestSchema>): readonly FieldViolation[] {
  try {
    validateMessage(SegmentStripsRequestSchema, create(SegmentStripsRequestSchema, request))
  } catch (error) {
    return (error as PelletlineError).violations
  }
  return []
}

const fieldsOf = (request: MessageInitShape<typeof SegmentStripsRequestSchema>) =>
  violationsOf(request).map(({ field }) => field)

describe('validateMessage', () => {
  it('takes a valid message with its bytes', () => {
    assert.deepEqual(violationsOf({ header, pixels: new Uint8Array(1_000_000) }), [])
  })

  it('names every field by its path in the proto', () => {
    assert.deepEqual(fieldsOf({}), ['header'])
    const bad = { ...header, key: { ...key, line: 'a/b' }, width: 3, cropScale: 2, optics: {} }
    const fields = [
      'header.key.line',
      'header.width',
      'header.crop_scale',
      'header.optics.um_per_px_across',
      'header.optics.um_per_px_along',
    ]
    assert.deepEqual(fieldsOf({ header: bad }), fields)
  })

  it('names an item of a list by its index', () => {
    const request = create(ScoreCropsRequestSchema, { crops: [new Uint8Array(2500), new Uint8Array(3)] })
    assert.throws(
      () => validateMessage(ScoreCropsRequestSchema, request),
      (error: PelletlineError) => {
        assert.deepEqual(
          error.violations.map(({ field }) => field),
          ['crops[1]'],
        )
        return error.code === 'invalid_argument' && error.message.includes('crops[1]: ')
      },
    )
  })

  it('patterns hold for the whole text', () => {
    const withLine = (line: string) => fieldsOf({ header: { ...header, key: { ...key, line } } })
    for (const line of ['a\nb', 'a\n', '\na', 'ä', '.a', ''])
      assert.notDeepEqual(withLine(line), [], JSON.stringify(line))
    for (const line of ['a', '0', 'A_b.c-D', 'x'.repeat(63)]) assert.deepEqual(withLine(line), [], line)
  })

  it('numbers that are none are refused', () => {
    for (const medianAreaPx of [Number.NaN, Number.POSITIVE_INFINITY, 0, -1]) {
      assert.deepEqual(fieldsOf({ header: { ...header, medianAreaPx } }), ['header.median_area_px'])
    }
  })
})
