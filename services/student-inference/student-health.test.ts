import assert from 'node:assert/strict'
import test, { after, afterEach, before } from 'node:test'
import { create } from '@bufbuild/protobuf'
import type { StudentInferenceService } from '../gen/pelletline/inference/v1/inference_pb.ts'
import { ModelRefSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { ModelAssignmentSchema } from '../gen/pelletline/registry/v1/models_pb.ts'
import type { Bus } from '../shared/bus/bus.ts'
import { createMemoryBus } from '../shared/bus/memory-bus.ts'
import { parseConfig } from '../shared/config/load-config.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createInferencePool, type InferencePool } from '../shared/onnx/inference-pool.ts'
import { readManifestFile } from '../shared/onnx/model-manifest.ts'
import { grayCrops, modelDirectory, writeTinyModel } from '../shared/onnx/test-support/tiny-model.ts'
import { createLocalClient } from '../shared/rpc/local-client.ts'
import type { ServiceClient, ServiceImplementation } from '../shared/rpc/types.ts'
import { systemClock } from '../shared/service/clock.ts'
import { silentLogger } from '../shared/telemetry/logger.ts'
import { type StudentInferenceOptionsInput, studentInferenceOptionsSchema } from './config.ts'
import { type CreateStudentInferenceOptions, createStudentInference } from './create-student-inference.ts'
import type { ModelRegistry } from './models/follow-assignment.ts'
import { createLineRegistry } from './test-support/line-registry.ts'

let directory: Awaited<ReturnType<typeof modelDirectory>>
let modelPath: string
before(async () => {
  directory = await modelDirectory()
  modelPath = await writeTinyModel(directory.path, { id: 'tiny' })
})
after(() => directory.remove())

// A test that fails leaves no worker behind that would hold the process.
const started: { drain(timeoutMs: number): Promise<void> }[] = []
afterEach(async () => {
  for (const student of started.splice(0)) await student.drain(0)
})

const registry = createLineRegistry()
const { signal } = new AbortController()

/** A student of one worker, with what it has told of whether it takes crops. */
function setUp(
  options: Partial<StudentInferenceOptionsInput>,
  dependencies: Partial<CreateStudentInferenceOptions> = {},
) {
  const told: boolean[] = []
  const student = createStudentInference({
    clock: systemClock,
    logger: silentLogger,
    options: parseConfig(
      studentInferenceOptionsSchema,
      { modelPath, workers: 1, threadsPerWorker: 1, ...options },
      'test',
    ),
    onReady: (ready) => told.push(ready),
    ...dependencies,
  })
  started.push(student)
  return { student, told }
}

const workerEntry = new URL('../shared/onnx/test-support/mortal-worker.ts', import.meta.url)
const openMortal: typeof createInferencePool = (options) =>
  createInferencePool({ ...options, workerEntry, maxRestarts: 0 })

test('student takes crops again once another model judges than the one whose workers died', async () => {
  const two = await writeTinyModel(directory.path, { id: 'two' })
  const { manifest } = await readManifestFile(two)
  const live = create(ModelRefSchema, { id: 'two', sha256: manifest.sha256 })
  const switching = Promise.withResolvers<void>()
  const modelRegistry = {
    async *watchModels(_: unknown, { signal }: { signal: AbortSignal }) {
      yield { assignment: create(ModelAssignmentSchema, { generation: 1n }) }
      await switching.promise
      yield { assignment: create(ModelAssignmentSchema, { generation: 2n, live }) }
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    },
    reportModels: async () => ({}),
  } as unknown as ModelRegistry
  const { student, told } = setUp({ models: { allowUnsigned: true } }, { modelRegistry, openPool: openMortal })
  await student.start()
  const judge = (level: number) =>
    student.models.find('student', '').infer(grayCrops(level), 1, { whenFull: 'refuse', signal })
  await assert.rejects(judge(255), { code: 'unavailable' })
  assert.deepEqual(told, [true, false])
  switching.resolve()
  while (!student.snapshot().ready) await systemClock.sleep(5)
  assert.deepEqual(told, [true, false, true])
  assert.deepEqual([...(await judge(3))], [0, 3])
})

test('student whose workers die while it joins the bus is not ready, and can be started again, though the broker is away', async () => {
  const memory = createMemoryBus()
  const pools: InferencePool[] = []
  const bus: Bus = {
    ...memory,
    async subscribe(options) {
      const isFirst = pools.length === 1
      if (isFirst) await assert.rejects(pools[0]!.run(grayCrops(255), 1), { code: 'unavailable' })
      const member = await memory.subscribe(options)
      const drain = async (timeoutMs: number) => {
        await member.drain(timeoutMs)
        if (isFirst) throw new PelletlineError('unavailable', 'The broker is away.')
      }
      return { drain }
    },
  }
  const openPool: typeof createInferencePool = async (options) => {
    const pool = await openMortal(options)
    pools.push(pool)
    return pool
  }
  const { student, told } = setUp({}, { bus, registry, openPool })
  await assert.rejects(student.start(), (error: PelletlineError) => {
    assert.match(error.message, /workers of model tiny died again and again before it judged/)
    return error.retryable
  })
  assert.equal(pools[0]!.state(), 'closed')
  await student.start()
  assert.deepEqual([told, pools.length], [[true], 2])
})

test('student says of no queue that more than all of it is filled, with calls and streams in it', async () => {
  const options = { maxBatch: 1, queueLimit: 2000, maxMessagesInFlight: 1 }
  const { student } = setUp(options, { bus: createMemoryBus(), registry })
  const [implementation] = student.implementations
  const client = createLocalClient(
    implementation as unknown as ServiceImplementation<typeof StudentInferenceService>,
  ) as ServiceClient<typeof StudentInferenceService>
  await student.start()
  const gone = new AbortController()
  const crops = Array.from({ length: 2000 }, () => grayCrops(1))
  async function* requests() {
    yield { requestId: 'r', crops }
  }
  const readStream = async () => {
    for await (const _ of client.classifyStream(requests(), { signal: gone.signal })) assert.fail('not so soon')
  }
  const calls = [client.classifyCrops({ crops }, { signal: gone.signal }), readStream()]
  const ended = Promise.all(calls.map((call) => assert.rejects(call, { code: 'cancelled' })))
  while (student.snapshot().queued < 3000) await new Promise((resolve) => setImmediate(resolve))
  const { queued, queueLimit } = student.snapshot()
  assert.ok(queued <= queueLimit, `${queued} of ${queueLimit}`)
  assert.equal((await client.getModel({})).queueLimit, queueLimit)
  gone.abort()
  await ended
})

test('student says of its sessions how many are at work once a worker has been given up', async () => {
  const { student } = setUp({ workers: 2 }, { openPool: openMortal })
  await student.start()
  const [implementation] = student.implementations
  const client = createLocalClient(
    implementation as unknown as ServiceImplementation<typeof StudentInferenceService>,
  ) as ServiceClient<typeof StudentInferenceService>
  const served = student.models.find('student', '')
  const count = async () => {
    const { sessions, sessionsAtWork } = await client.getBatching({})
    return { sessions, sessionsAtWork, served: served.sessions, servedAtWork: served.facts()['sessions_at_work'] }
  }
  const kill = () =>
    assert.rejects(served.infer(grayCrops(255), 1, { whenFull: 'refuse', signal }), { code: 'unavailable' })
  assert.deepEqual(await count(), { sessions: 2, sessionsAtWork: 2, served: 2, servedAtWork: '2' })
  await kill()
  assert.deepEqual(await count(), { sessions: 2, sessionsAtWork: 1, served: 2, servedAtWork: '1' })
  await kill()
  assert.deepEqual(await count(), { sessions: 2, sessionsAtWork: 0, served: 2, servedAtWork: '0' })
})
