import assert from 'node:assert/strict'
import test from 'node:test'
import { create } from '@bufbuild/protobuf'
import { StudentModelsSchema } from '../../gen/pelletline/registry/v1/models_pb.ts'
import { leftOutLines } from './describe-models.ts'

test('each student that had no room for all its models is named with how many it left out, and no other', () => {
  const students = [
    create(StudentModelsSchema, { instance: 'plant-1', leftOut: 1234 }),
    create(StudentModelsSchema, { instance: 'plant-2' }),
  ]
  assert.deepEqual(leftOutLines(students), [
    'plant-1 has 1,234 more in its store than a report has room for; give its models a place of their own.',
  ])
})
