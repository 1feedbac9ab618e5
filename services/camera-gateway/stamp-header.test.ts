import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { testRecipe } from '../../test/support/line-registry.ts'
import { OpenIntakeSchema } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { FollowState, SegmentationMethod } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { LineAssignmentSchema, RecipeSchema } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { stampHeader } from './stamp-header.ts'

const facts = {
  strip: 3n,
  firstRow: 100n,
  rows: 50,
  rowsLostBefore: 0n,
  exposedUnixNs: 1n,
  encoder: 0n,
  runEnds: false,
}

function stamp(change: { readonly segmentationMethod?: SegmentationMethod; readonly minSpeckContrast?: number }) {
  const recipe = create(RecipeSchema, { ...testRecipe, ...change })
  return stampHeader(facts, {
    plant: 'plant',
    open: create(OpenIntakeSchema, { line: 'line', camera: 'camera', run: 'run', width: 64 }),
    assignment: { ...create(LineAssignmentSchema, { line: 'line', lot: 'lot', recipe }), recipe },
    light: { threshold: 90, bedLevel: 12, state: FollowState.FOLLOWING, reason: '' },
    size: { medianAreaPx: 254, state: FollowState.FOLLOWING, reason: '' },
    dirtyColumns: [],
    smallestSpeckPx: 3,
    calibration: '',
  })
}

test('stampHeader carries the method of the recipe, also where the recipe does not say', () => {
  for (const segmentationMethod of [
    SegmentationMethod.UNSPECIFIED,
    SegmentationMethod.REGIONS,
    SegmentationMethod.EDGES,
  ]) {
    assert.equal(stamp({ segmentationMethod }).method, segmentationMethod)
  }
})

test('stampHeader carries the contrast of a speck from the recipe, a quarter where the recipe has none', () => {
  assert.equal(stamp({ minSpeckContrast: 0.4 }).minSpeckContrast, 0.4)
  assert.equal(stamp({}).minSpeckContrast, 0.25)
})
