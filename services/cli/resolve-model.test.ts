import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { resolveModel } from './resolve-model.ts'

describe('resolveModel', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-models-'))
    await writeFile(
      join(folder, 'index.json'),
      JSON.stringify({ student: 'student-1', teachers: ['wide-1', 'deep-1'] }),
    )
    await writeFile(join(folder, 'student-1.onnx'), '')
    await writeFile(join(folder, 'wide-1.onnx'), '')
    await mkdir(join(folder, 'resnet18-1'))
    await writeFile(join(folder, 'resnet18-1', 'model.onnx'), '')
    await mkdir(join(folder, 'training'))
    await writeFile(join(folder, 'training', 'student-1.yaml'), '')
  })
  after(() => rm(folder, { recursive: true }))

  it('finds the released student, an id as a file or a folder, and a path', async () => {
    assert.equal(await resolveModel(undefined, folder), join(folder, 'student-1.onnx'))
    assert.equal(await resolveModel('resnet18-1', folder), join(folder, 'resnet18-1', 'model.onnx'))
    assert.equal(await resolveModel(join(folder, 'student-1.onnx'), '/nowhere'), join(folder, 'student-1.onnx'))
  })

  it('takes the words student and teacher for the released student and the first released teacher', async () => {
    assert.equal(await resolveModel('student', folder), join(folder, 'student-1.onnx'))
    assert.equal(await resolveModel('teacher', folder), join(folder, 'wide-1.onnx'))
    await assert.rejects(resolveModel('teacher', join(folder, 'none')), { code: 'not_found', message: /"teacher"/ })
  })

  it('lists the known ids, and no folder without a model, for an unknown one', async () => {
    await assert.rejects(resolveModel('studnt-1', folder), {
      code: 'not_found',
      message: /"studnt-1".*\(resnet18-1, student-1, wide-1\)/,
    })
  })

  it('says what to do where nothing is released', async () => {
    await assert.rejects(resolveModel(undefined, join(folder, 'none')), {
      code: 'not_found',
      message: /--model/,
    })
  })
})
