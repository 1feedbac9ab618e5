import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readModelsDir } from './read-models-dir.ts'

it('--models-dir names a folder of released models, or a bucket of models beside those of the program', () => {
  const defaults = { modelsDir: '/program/models', modelStore: undefined }
  assert.deepEqual(readModelsDir(undefined, defaults), defaults)
  assert.deepEqual(readModelsDir('/store', defaults), { modelsDir: '/store', modelStore: undefined })
  const bucket = { modelsDir: '/program/models', modelStore: 's3://plant-1/models' }
  assert.deepEqual(readModelsDir('s3://plant-1/models', defaults), bucket)
  const refusal = {
    code: 'invalid_argument',
    message: /--models-dir has a problem; correct the options[\s\S]*s3:\/\/BUCKET\/PREFIX/,
  }
  for (const wrong of ['s3:plant-1', 's3://Plant']) assert.throws(() => readModelsDir(wrong, defaults), refusal, wrong)
})
