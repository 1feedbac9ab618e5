import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { ModelState, ReportModelsRequestSchema } from '../../gen/pelletline/registry/v1/models_pb.ts'
import { parseConfig } from '../../shared/config/load-config.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { modelDirectory, writeTinyModel } from '../../shared/onnx/test-support/tiny-model.ts'
import { systemClock } from '../../shared/service/clock.ts'
import { silentLogger } from '../../shared/telemetry/logger.ts'
import { studentInferenceOptionsSchema } from '../config.ts'
import type { ModelShelf } from './create-model-shelf.ts'
import { describeShelf } from './describe-shelf.ts'
import { listStored } from './list-stored.ts'
import { createStudentModels } from './read-student.ts'

let directory: Awaited<ReturnType<typeof modelDirectory>>
before(async () => {
  directory = await modelDirectory()
})
after(() => directory.remove())

/** What a student reports that has nothing in memory yet, of a store into which somebody has put files. */
async function reportOf(folderName: string, put: (folder: string) => Promise<void>, entries: ModelShelf['entries']) {
  const folder = join(directory.path, folderName)
  await mkdir(folder)
  const modelPath = await writeTinyModel(folder, { id: 'z-own' })
  await put(folder)
  const options = parseConfig(studentInferenceOptionsSchema, { modelPath, models: { allowUnsigned: true } }, 'test')
  const models = createStudentModels(options)
  const stopping = new AbortController()
  const { signal } = stopping
  const stored = listStored({ models, clock: systemClock, logger: silentLogger, everyMs: 60_000, onChange: () => {} })
  const keeping = stored.keep(signal)
  await stored.looked
  stopping.abort()
  await keeping
  const shelf = { entries, generation: 0n, live: () => undefined } as unknown as ModelShelf
  const report = await describeShelf({ shelf, models, stored, clock: systemClock })
  const message = create(ReportModelsRequestSchema, { instance: 'student-1', ...report })
  return { message, bytes: toBinary(ReportModelsRequestSchema, message).length }
}

test('files that anybody may put into a store make a report neither large nor lose from it what can be taken', async () => {
  const put = async (folder: string) => {
    await writeTinyModel(folder, { id: 'y-good' })
    const flood = {
      formatVersion: 1,
      metrics: { test: { escape: { bySize: Array.from({ length: 9000 }, () => ({})) } } },
    }
    await writeFile(join(folder, 'flood.manifest.json'), JSON.stringify(flood))
    await writeFile(join(folder, 'flood.onnx'), '')
    await writeFile(join(folder, 'huge.manifest.json'), Buffer.alloc(1_000_000, '['))
    await writeFile(join(folder, 'huge.onnx'), '')
    for (let i = 0; i < 900; i += 1) await writeFile(join(folder, `bare-${String(i).padStart(120, '0')}.onnx`), '')
  }
  const reason = `x.onnx is refused: ${'n'.repeat(2_000_000)}; give another model.`
  const name = { id: 'x', sha256: 'a'.repeat(64) }
  const inMemory = { name, state: 'refused' as const, reason, error: new PelletlineError('internal', reason) }
  const { message, bytes } = await reportOf('flooded', put, () => [
    { ...inMemory, student: undefined, shadow: undefined },
  ])
  assert.ok(bytes < 300_000, `${bytes} bytes`)
  assert.deepEqual(
    message.models.slice(0, 3).map(({ model, state }) => [model!.id, state]),
    [
      ['x', ModelState.REFUSED],
      ['z-own', ModelState.STORED],
      ['y-good', ModelState.STORED],
    ],
  )
  assert.ok(message.models.every(({ reason }) => reason.length <= 300))
  assert.match(message.models[0]!.reason, /^x\.onnx is refused: n+ … n+; give another model\.$/)
  assert.equal(message.models.length + message.leftOut, 905)
  assert.ok(message.leftOut > 0)
  const reasonOf = (id: string) => message.models.find(({ model }) => model!.id === id)?.reason ?? ''
  for (const { reason, model } of message.models) {
    if (model!.id.startsWith('bare'))
      assert.match(reason, /^There is no .*put ID\.onnx and ID\.manifest\.json there\.$/)
  }
  assert.equal(reasonOf('y-good'), '')
})

test('a report with room for all leaves nothing out, and says of each model why it cannot be taken', async () => {
  const put = async (folder: string) => {
    await writeFile(join(folder, 'huge.manifest.json'), Buffer.alloc(1_000_000, '['))
    await writeFile(join(folder, 'huge.onnx'), '')
    await writeTinyModel(folder, { id: 'wrong', manifest: { threshold: 'high' } })
  }
  const { message } = await reportOf('small', put, () => [])
  assert.equal(message.leftOut, 0)
  const reasons = new Map(message.models.map(({ model, reason }) => [model!.id, reason]))
  assert.deepEqual([...reasons.keys()], ['z-own', 'huge', 'wrong'])
  assert.match(reasons.get('huge')!, /huge\.manifest\.json has more than 65536 bytes/)
  assert.match(reasons.get('wrong')!, /threshold: /)
})
