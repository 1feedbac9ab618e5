import assert from 'node:assert/strict'
import test from 'node:test'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  ModelAssignmentSchema,
  ModelState,
  type ModelStatusSchema,
  StudentModelsSchema,
} from '../../../gen/pelletline/registry/v1/models_pb.ts'
import { refOf } from './change-models.ts'
import { findModel, progressOf } from './find-model.ts'

const model = refOf('b', 'b'.repeat(64))
const nothing = create(ModelAssignmentSchema)

/** A student that has taken up generation 3 and says something of the model. */
function student(instance: string, status: MessageInitShape<typeof ModelStatusSchema>) {
  return create(StudentModelsSchema, { instance, generation: 3n, models: [{ model, ...status }] })
}

test('a model is loaded once every student that reports has it ready, and never because none reports', () => {
  const ready = student('student-1', { state: ModelState.READY })
  const loading = student('student-2', { state: ModelState.LOADING })
  assert.deepEqual(progressOf(3n, model, [ready], false), { kind: 'done' })
  assert.deepEqual(progressOf(3n, model, [ready, loading], false), { kind: 'waiting', on: ['student-2'] })
  assert.deepEqual(progressOf(4n, model, [ready], false), { kind: 'waiting', on: ['student-1'] })
  assert.deepEqual(progressOf(3n, model, [], false), { kind: 'waiting', on: [] })
  assert.deepEqual(progressOf(3n, undefined, [], false), { kind: 'waiting', on: [] })
})

test('a student that refused a model, or that it failed in, is named', () => {
  for (const state of [ModelState.REFUSED, ModelState.FAILED]) {
    const progress = progressOf(3n, model, [student('student-1', { state, reason: 'gave NaN' })], false)
    assert.ok(progress.kind === 'refused' && progress.instance === 'student-1' && progress.status.reason === 'gave NaN')
  }
})

test('one id must mean the same weights and the same manifest in all students', () => {
  const state = ModelState.STORED
  const [one, other] = ['1', '2'].map((digit) => digit.repeat(64))
  const same = [student('student-1', { state, manifestSha256: one! }), student('student-2', { state })]
  assert.equal(findModel('b', nothing, same).sha256, model.sha256)
  const manifests = [
    student('student-1', { state, manifestSha256: one! }),
    student('student-2', { state, manifestSha256: other! }),
  ]
  assert.throws(() => findModel('b', nothing, manifests), {
    code: 'failed_precondition',
    message: /2 different manifests \(threshold and calibration are in them\) under the id b/,
  })
  const files = [student('student-1', { state }), student('student-2', { state, model: refOf('b', other!) })]
  assert.throws(() => findModel('b', nothing, files), { code: 'failed_precondition', message: /2 different files/ })
})
