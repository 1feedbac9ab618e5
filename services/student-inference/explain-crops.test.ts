import assert from 'node:assert/strict'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { after, afterEach, before } from 'node:test'
import { ExplainedScore, type StudentInferenceService } from '../gen/pelletline/inference/v1/inference_pb.ts'
import { Verdict } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { parseConfig } from '../shared/config/load-config.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { spotCrop, writeSpotModel } from '../shared/heatmap/test-support/spot-model.ts'
import { modelDirectory, writeTinyModel } from '../shared/onnx/test-support/tiny-model.ts'
import { createLocalClient } from '../shared/rpc/local-client.ts'
import type { ServiceClient, ServiceImplementation } from '../shared/rpc/types.ts'
import { systemClock } from '../shared/service/clock.ts'
import { silentLogger } from '../shared/telemetry/logger.ts'
import { studentInferenceOptionsSchema } from './config.ts'
import { createStudentInference } from './create-student-inference.ts'

let directory: Awaited<ReturnType<typeof modelDirectory>>
let model: Awaited<ReturnType<typeof writeSpotModel>>
before(async () => {
  directory = await modelDirectory()
  model = await writeSpotModel(directory.path)
})
after(() => directory.remove())

const started: { drain(timeoutMs: number): Promise<void> }[] = []
afterEach(async () => {
  for (const student of started.splice(0)) await student.drain(0)
})

async function setUp({ modelPath = model.path, explainQueueLimit = 256 } = {}) {
  const options = { modelPath, threadsPerWorker: 1, workers: 1, explainQueueLimit }
  const student = createStudentInference({
    clock: systemClock,
    logger: silentLogger,
    options: parseConfig(studentInferenceOptionsSchema, options, 'test'),
  })
  started.push(student)
  const client = createLocalClient(
    student.implementations[0] as unknown as ServiceImplementation<typeof StudentInferenceService>,
  ) as ServiceClient<typeof StudentInferenceService>
  return { student, client }
}

const bright = spotCrop({ x: 30, y: 12 })
const plain = spotCrop()

test('explain answers a heatmap for each crop with its peak where the model saw something, and the model', async () => {
  const { student, client } = await setUp()
  await student.start()
  const answer = await client.explain({ crops: [plain, bright] })
  assert.deepEqual([answer.model!.id, answer.model!.sha256], ['spots', model.sha256])
  assert.deepEqual([answer.score, answer.target], [ExplainedScore.PROBABILITY, Verdict.NG])
  const { name, width, height, channels, isDefault } = answer.layer!
  assert.deepEqual([name, width, height, channels, isDefault], ['spots', 50, 50, 1, true])
  const [without, withSpot] = answer.heatmaps
  assert.deepEqual([without!.heat.length, without!.peak], [2500, 0])
  assert.equal(withSpot!.heat.indexOf(withSpot!.peak), 12 * 50 + 30)
  assert.equal(withSpot!.heat.filter((heat) => heat > 0).length, 1)
  const { classification } = await client.classifyCrop({ crop: bright })
  assert.ok(Math.abs(withSpot!.margin - classification!.margin) < 1e-5)
  assert.ok(Math.abs(withSpot!.score - classification!.scoreNg) < 1e-6)
  assert.equal(answer.timing!.batchSize, 2)
})

test('explain shows the layer, score and class that are asked for, however often they change', async () => {
  const { student, client } = await setUp()
  await student.start()
  for (let round = 0; round < 2; round += 1) {
    for (const layer of ['spots', 'pooled']) {
      for (const score of [ExplainedScore.PROBABILITY, ExplainedScore.LOGIT]) {
        for (const target of [Verdict.OK, Verdict.NG]) {
          const answer = await client.explain({ crops: [bright], layer, score, target })
          assert.deepEqual([answer.layer!.name, answer.score, answer.target], [layer, score, target])
          const [heatmap] = answer.heatmaps
          assert.equal(heatmap!.heat.length, layer === 'spots' ? 2500 : 625)
          // Nothing bright speaks for OK.
          assert.equal(heatmap!.peak > 0, target === Verdict.NG)
          if (score === ExplainedScore.LOGIT && target === Verdict.NG) {
            assert.ok(Math.abs(heatmap!.score - heatmap!.margin) < 1e-6, 'the logit of OK is 0')
          }
        }
      }
    }
  }
})

test('explain names the layers there are where one is asked for that is not, and lists them with the default', async () => {
  const { student, client } = await setUp()
  await student.start()
  await assert.rejects(client.explain({ crops: [bright], layer: 'block9' }), {
    code: 'not_found',
    message: /no layer block9 .*; it has spots, pooled\./,
  })
  const { layers, model: named } = await client.listHeatmapLayers({})
  assert.deepEqual(
    layers.map(({ name, width, isDefault }) => [name, width, isDefault]),
    [
      ['spots', 50, true],
      ['pooled', 25, false],
    ],
  )
  assert.equal(named!.sha256, model.sha256)
})

test('explain refuses what breaks the rules of its request by the field', async () => {
  const { student, client } = await setUp()
  await student.start()
  const wrong = [
    { crops: [] },
    { crops: Array.from({ length: 65 }, () => plain) },
    { crops: [plain, new Uint8Array(2499)] },
    { crops: [plain], layer: 'x'.repeat(129) },
    { crops: [plain], score: 7 as ExplainedScore },
    { crops: [plain], target: 9 as Verdict },
  ]
  for (const request of wrong) {
    await assert.rejects(client.explain(request), (error: PelletlineError) => {
      assert.equal(error.code, 'invalid_argument')
      return error.violations.length > 0
    })
  }
  assert.equal((await client.explain({ crops: Array.from({ length: 64 }, () => bright) })).heatmaps.length, 64)
})

test('explain refuses crops beyond its queue with a retry hint, judges meanwhile, and takes them later', async () => {
  const { student, client } = await setUp({ explainQueueLimit: 64 })
  await student.start()
  const full = client.explain({ crops: Array.from({ length: 60 }, () => bright) })
  const refused = await client.explain({ crops: Array.from({ length: 5 }, () => bright) }).then(
    () => undefined,
    (error) => error,
  )
  assert.ok(refused instanceof PelletlineError)
  assert.equal(refused.code, 'resource_exhausted')
  assert.ok(refused.retryAfterMs! > 0)
  const { classification } = await client.classifyCrop({ crop: bright })
  assert.equal(classification!.verdict, Verdict.NG)
  assert.equal((await full).heatmaps.length, 60)
  assert.equal((await client.explain({ crops: [bright] })).heatmaps.length, 1)
})

test('explain is unavailable before the model is warm and once the student is stopped, which ends what has begun', async () => {
  const { student, client } = await setUp()
  await assert.rejects(client.explain({ crops: [bright] }), { code: 'unavailable' })
  await assert.rejects(client.listHeatmapLayers({}), { code: 'unavailable' })
  await student.start()
  const begun = client.explain({ crops: [bright] })
  await client.getModel({})
  const drained = student.drain(10_000)
  await assert.rejects(client.explain({ crops: [bright] }), { code: 'unavailable' })
  assert.equal((await begun).heatmaps.length, 1)
  await drained
})

test('explain that still waits when the time to drain is over is refused, and no thread is started for it', async () => {
  const { student, client } = await setUp()
  await student.start()
  const answers = Promise.allSettled(Array.from({ length: 4 }, () => client.explain({ crops: Array(64).fill(bright) })))
  await client.getModel({})
  await student.drain(0)
  const refused = (await answers).flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.code] : []))
  assert.equal(refused.at(-1), 'unavailable')
})

test('explain that its caller cancels while it waits is not computed, and the next is', async () => {
  const { student, client } = await setUp()
  await student.start()
  const first = client.explain({ crops: Array.from({ length: 64 }, () => bright) })
  const controller = new AbortController()
  const second = client.explain({ crops: [bright] }, { signal: controller.signal })
  controller.abort()
  await assert.rejects(second, { code: 'cancelled' })
  assert.equal((await first).heatmaps.length, 64)
  assert.equal((await client.explain({ crops: [bright] })).heatmaps.length, 1)
})

test('explain of a model file that has changed is refused, judging goes on, and a restored file is explained', async () => {
  const own = await writeSpotModel(directory.path, 'changing')
  const { student, client } = await setUp({ modelPath: own.path })
  await student.start()
  const kept = join(directory.path, 'kept.onnx')
  await rename(own.path, kept)
  await writeFile(own.path, 'another')
  await assert.rejects(client.explain({ crops: [bright] }), {
    code: 'failed_precondition',
    message: /cannot be read again to be explained .*SHA-256/,
  })
  assert.ok((await client.classifyCrop({ crop: bright })).classification)
  await rm(own.path)
  await rename(kept, own.path)
  assert.equal((await client.explain({ crops: [bright] })).heatmaps.length, 1)
})

test('explain of a model that it cannot go through names the operator, and judging goes on', async () => {
  const { student, client } = await setUp({ modelPath: await writeTinyModel(directory.path) })
  await student.start()
  await assert.rejects(client.explain({ crops: [bright] }), {
    code: 'failed_precondition',
    message: /do not know the operator ReduceMean/,
  })
  assert.ok((await client.classifyCrop({ crop: bright })).classification)
})
