import assert from 'node:assert/strict'
import test, { after, afterEach, before } from 'node:test'
import { fromBinary } from '@bufbuild/protobuf'
import {
  type AuditRequestMessage,
  AuditRequestMessageSchema,
  type VerdictsMessage,
  VerdictsMessageSchema,
} from '../gen/pelletline/events/v1/events_pb.ts'
import type { StudentInferenceService } from '../gen/pelletline/inference/v1/inference_pb.ts'
import { Outcome, Verdict } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { GetRecipeRequest, GetRecipeResponse } from '../gen/pelletline/registry/v1/registry_pb.ts'
import type { Bus } from '../shared/bus/bus.ts'
import { createMemoryBus } from '../shared/bus/memory-bus.ts'
import { publishMessage } from '../shared/bus/messages.ts'
import { deadLetterTopic, headerNames, topics } from '../shared/bus/topics.ts'
import { parseConfig } from '../shared/config/load-config.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { grayCrops, modelDirectory, writeTinyModel } from '../shared/onnx/test-support/tiny-model.ts'
import { createLocalClient } from '../shared/rpc/local-client.ts'
import type { ServiceClient, ServiceImplementation } from '../shared/rpc/types.ts'
import { systemClock } from '../shared/service/clock.ts'
import { silentLogger } from '../shared/telemetry/logger.ts'
import { type StudentInferenceOptionsInput, studentInferenceOptionsSchema } from './config.ts'
import { createStudentInference, studentGroup } from './create-student-inference.ts'
import { collect } from './test-support/collect.ts'
import { type CropsMessageOptions, cropsMessage, testRecipe } from './test-support/crops-message.ts'
import { createLineRegistry } from './test-support/line-registry.ts'

let directory: Awaited<ReturnType<typeof modelDirectory>>
let modelPath: string
before(async () => {
  directory = await modelDirectory()
  modelPath = await writeTinyModel(directory.path, { id: 'tiny', threshold: 1 })
})
after(() => directory.remove())

// A test that fails leaves no worker behind that would hold the process.
const started: { drain(timeoutMs: number): Promise<void> }[] = []
afterEach(async () => {
  for (const student of started.splice(0)) await student.drain(0)
})

/** The tiny model's margin of a crop of one gray level. */
const marginOf = (level: number) => Math.fround(0.1 * (128 - level))

const registry = { getRecipe: async () => ({ recipe: testRecipe() }) as GetRecipeResponse }

function setUp(
  options: Partial<StudentInferenceOptionsInput> = {},
  bus: Bus = createMemoryBus({ retry: { firstPauseMs: 1, maxPauseMs: 1 } }),
  recipes: { getRecipe(request: unknown): Promise<GetRecipeResponse> } = registry,
) {
  const student = createStudentInference({
    bus,
    registry: { ...createLineRegistry(), ...recipes },
    clock: systemClock,
    logger: silentLogger,
    options: parseConfig(studentInferenceOptionsSchema, { modelPath, threadsPerWorker: 1, ...options }, 'test'),
  })
  started.push(student)
  const [implementation] = student.implementations
  const client = createLocalClient(
    implementation as unknown as ServiceImplementation<typeof StudentInferenceService>,
  ) as ServiceClient<typeof StudentInferenceService>
  return { student, client, bus }
}

function publish(bus: Bus, options: CropsMessageOptions): Promise<void> {
  const message = cropsMessage(options)
  const headers = { [headerNames.lot]: 'lot-1' }
  return publishMessage(bus, topics.crops, { key: 'line-1/camera-1/1', headers, message })
}

test('student refuses crops as unavailable with the expected wait until it is warm, then judges them', async () => {
  const { student, client } = setUp()
  const early = await client.classifyCrop({ crop: grayCrops(50) }).then(
    () => undefined,
    (error) => error,
  )
  assert.ok(early instanceof PelletlineError)
  assert.equal(early.code, 'unavailable')
  assert.ok(early.retryAfterMs! > 0)
  assert.equal((await client.getModel({})).ready, false)
  await student.start()
  const { classification, timing } = await client.classifyCrop({ crop: grayCrops(50) })
  assert.equal(classification!.verdict, Verdict.NG)
  assert.ok(Math.abs(classification!.margin - marginOf(50)) < 1e-4)
  assert.ok(Math.abs(classification!.scoreNg - 1 / (1 + Math.exp(-marginOf(50)))) < 1e-6)
  assert.equal(classification!.threshold, 1)
  assert.equal(timing!.batchSize, 1)
  const model = await client.getModel({})
  assert.deepEqual([model.ready, model.model!.id, model.threshold], [true, 'tiny', 1])
  await student.drain(1000)
})

test('student judges at the caller threshold where one is given', async () => {
  const { student, client } = setUp()
  await student.start()
  const at = async (threshold: number) =>
    (await client.classifyCrop({ crop: grayCrops(120), threshold })).classification!.verdict
  assert.deepEqual([await at(0.7), await at(0.9)], [Verdict.NG, Verdict.OK])
  await student.drain(1000)
})

test('student answers a crop of a wrong size with an error of its own and judges its neighbours', async () => {
  const { student, client } = setUp()
  await student.start()
  const crops = [grayCrops(50), new Uint8Array(2499), grayCrops(200), new Uint8Array(0)]
  const { results } = await client.classifyCrops({ crops })
  assert.deepEqual(
    results.map(({ result }) => (result.case === 'classification' ? result.value.verdict : result.case)),
    [Verdict.NG, 'error', Verdict.OK, 'error'],
  )
  const wrong = results[1]!.result
  assert.ok(wrong.case === 'error' && wrong.value.code === 3 && wrong.value.message.startsWith('2499 bytes'))
  const onlyWrong = await client.classifyCrops({ crops: [new Uint8Array(1)] })
  assert.equal(onlyWrong.results[0]!.result.case, 'error')
  await student.drain(1000)
})

test('student answers a stream in the order of its requests, a wrong crop within it by an error', async () => {
  const { student, client } = setUp({ maxRequestsPerStream: 3, maxBatch: 4 })
  await student.start()
  async function* requests() {
    for (let i = 0; i < 20; i += 1) {
      yield { requestId: `r${i}`, crops: [grayCrops(i * 10), new Uint8Array(i === 7 ? 3 : 2500)] }
    }
  }
  const answers: string[] = []
  for await (const { requestId, results } of client.classifyStream(requests())) {
    const [first, second] = results
    assert.ok(first!.result.case === 'classification')
    const level = Number(requestId.slice(1)) * 10
    assert.ok(Math.abs(first!.result.value.margin - marginOf(level)) < 1e-3)
    assert.equal(second!.result.case, requestId === 'r7' ? 'error' : 'classification')
    answers.push(requestId)
  }
  assert.deepEqual(
    answers,
    Array.from({ length: 20 }, (_, i) => `r${i}`),
  )
  await student.drain(1000)
})

test('student answers what a stream has sent before it drains, then ends the stream as unavailable', async () => {
  const { student, client } = setUp({ maxBatch: 1, maxRequestsPerStream: 4 })
  await student.start()
  const gate = Promise.withResolvers<void>()
  async function* requests() {
    for (let i = 0; i < 3; i += 1) yield { requestId: `r${i}`, crops: Array.from({ length: 50 }, () => grayCrops(i)) }
    await gate.promise
    yield { requestId: 'late', crops: [grayCrops(1)] }
  }
  const answers: string[] = []
  const read = async () => {
    for await (const { requestId } of client.classifyStream(requests())) answers.push(requestId)
  }
  const reading = read()
  while (student.snapshot().queued < 100) await new Promise((resolve) => setImmediate(resolve))
  const drained = student.drain(5000)
  gate.resolve()
  await assert.rejects(reading, { code: 'unavailable' })
  assert.deepEqual(answers, ['r0', 'r1', 'r2'])
  await drained
})

test('student ends a stream whose caller leaves early', async () => {
  const { student, client } = setUp({ maxRequestsPerStream: 1 })
  await student.start()
  async function* endless() {
    for (;;) yield { requestId: 'again', crops: [grayCrops(1)] }
  }
  for await (const _ of client.classifyStream(endless())) break
  await student.drain(1000)
  assert.equal(student.snapshot().queued, 0)
})

test('student turns a message of crops into verdicts and an audit request, and commits after both', async () => {
  const { student, bus } = setUp()
  const verdicts = await collect(bus, topics.verdicts)
  const requests = await collect(bus, topics.auditRequests)
  await student.start()
  await publish(bus, { levels: [50, undefined, 200, 120] })
  const [verdict] = await verdicts.until(1)
  const [request] = await requests.until(1)
  assert.deepEqual(verdict!.outcome, [Outcome.CLASSIFIED, Outcome.NOT_JUDGED, Outcome.CLASSIFIED, Outcome.CLASSIFIED])
  for (const [position, level] of [50, 128, 200, 120].entries()) {
    assert.ok(Math.abs(verdict!.margin[position]! - marginOf(level)) < 1e-4)
  }
  assert.equal(verdict!.reconciliation!.ng, 1n)
  assert.equal(verdict!.threshold, 1)
  const times = verdict!.times!
  assert.ok(times.inferenceQueuedUnixNs <= times.inferenceEndedUnixNs)
  assert.ok(times.inferenceBeganUnixNs > 0n && times.inferenceBeganUnixNs <= times.inferenceEndedUnixNs)
  assert.ok(request!.items.some((item) => item.index === 0 && item.studentVerdict === Verdict.NG))
  await student.drain(1000)
  assert.equal((await bus.lag(topics.crops.name, studentGroup)).messages, 0)
})

test('student answers a strip without a pellet with verdicts of no pellet', async () => {
  const { student, bus } = setUp()
  const verdicts = await collect(bus, topics.verdicts)
  await student.start()
  await publish(bus, { levels: [] })
  const [verdict] = await verdicts.until(1)
  assert.equal(verdict!.reconciliation!.strips, 1n)
  assert.deepEqual(verdict!.outcome, [])
  await student.drain(1000)
})

test('student judges at the threshold of the recipe and asks for each version once', async () => {
  const asked: number[] = []
  const recipes = {
    async getRecipe({ version }: GetRecipeRequest) {
      asked.push(version)
      return { recipe: testRecipe({ ngThreshold: version, version }) } as GetRecipeResponse
    },
  }
  const { student, bus } = setUp({}, createMemoryBus(), recipes as never)
  const verdicts = await collect(bus, topics.verdicts)
  await student.start()
  for (let strip = 0; strip < 6; strip += 1) {
    await publish(bus, { levels: [100], strip: BigInt(strip), recipeVersion: 2 + (strip % 2) })
  }
  const messages = await verdicts.until(6)
  assert.deepEqual(messages.map(({ threshold }) => threshold).sort(), [2, 2, 2, 3, 3, 3])
  assert.deepEqual(asked.sort(), [2, 3])
  await student.drain(1000)
})

test('student asks again for a recipe while the registry is not there, and loses nothing', async () => {
  let calls = 0
  const recipes = {
    async getRecipe() {
      calls += 1
      if (calls < 3) throw new PelletlineError('unavailable', 'The registry starts.', { retryAfterMs: 1 })
      return { recipe: testRecipe() } as GetRecipeResponse
    },
  }
  const { student, bus } = setUp({}, undefined, recipes)
  const verdicts = await collect(bus, topics.verdicts)
  await student.start()
  await publish(bus, { levels: [100] })
  assert.equal((await verdicts.until(1)).length, 1)
  assert.equal(calls, 3)
  await student.drain(1000)
})

test('student puts a contradictory message aside with the reason and judges those beside it', async () => {
  const { student, bus } = setUp()
  const verdicts = await collect(bus, topics.verdicts)
  const dead = Promise.withResolvers<Readonly<Record<string, string>>>()
  await bus.subscribe({
    topic: deadLetterTopic,
    group: 'test',
    maxInFlight: 1,
    handle: async ({ headers }) => dead.resolve(headers),
  })
  await student.start()
  const bad = cropsMessage({ levels: [1, 2] })
  bad.crops = bad.crops.subarray(0, 2500)
  await Promise.all([
    publish(bus, { levels: [10], strip: 1n }),
    publishMessage(bus, topics.crops, { key: 'bad', message: bad }),
    publish(bus, { levels: [20], strip: 2n }),
  ])
  assert.match(
    (await dead.promise)[headerNames.deadLetterReason]!,
    /invalid_argument: .*crops is 2500 bytes; 2 pellets/,
  )
  assert.equal((await verdicts.until(2)).length, 2)
  await student.drain(1000)
})

test('student judges many small messages in common batches without mixing them up', async () => {
  const { student, bus } = setUp({ maxBatch: 32, maxMessagesInFlight: 16 })
  const verdicts = await collect(bus, topics.verdicts)
  for (let strip = 0; strip < 60; strip += 1) {
    await publish(bus, { levels: [strip, strip + 60, strip + 120], strip: BigInt(strip) })
  }
  await student.start()
  for (const { header, margin } of await verdicts.until(60)) {
    const strip = Number(header!.key!.strip)
    const levels = [strip, strip + 60, strip + 120]
    for (const [i, level] of levels.entries()) assert.ok(Math.abs(margin[i]! - marginOf(level)) < 1e-3)
  }
  await student.drain(1000)
})

test('student draws the same sample however often and in whatever order messages come', async () => {
  const sampled = async (bus: Bus) => {
    const { student } = setUp({ maxBatch: 8 }, bus)
    const verdicts = new Map<string, VerdictsMessage>()
    const requests = new Map<string, AuditRequestMessage>()
    let deliveries = 0
    const done = Promise.withResolvers<void>()
    const handle = async (topic: string, value: Uint8Array) => {
      deliveries += 1
      if (topic === topics.verdicts.name) {
        const message = fromBinary(VerdictsMessageSchema, value)
        verdicts.set(String(message.header!.key!.strip), message)
      } else {
        const message = fromBinary(AuditRequestMessageSchema, value)
        requests.set(String(message.key!.strip), message)
      }
      if (verdicts.size === 20 && requests.size === 20) done.resolve()
    }
    for (const topic of [topics.verdicts.name, topics.auditRequests.name]) {
      await bus.subscribe({ topic, group: 'test', maxInFlight: 8, handle: ({ value }) => handle(topic, value) })
    }
    await student.start()
    for (let strip = 0; strip < 20; strip += 1) {
      await publish(bus, { levels: Array.from({ length: 40 }, (_, i) => 100 + i), strip: BigInt(strip) })
    }
    await done.promise
    await student.drain(5000)
    const items = [...requests].map(([strip, { items }]) => `${strip}: ${items.map(({ index }) => index).join()}`)
    return { items: items.sort(), deliveries }
  }
  let state = 1
  const random = () => {
    state = (Math.imul(state, 48271) >>> 0) % 2147483647
    return state / 2147483647
  }
  const calm = await sampled(createMemoryBus())
  const wild = await sampled(createMemoryBus({ disorder: { duplicate: 0.3, reorder: 0.5, redeliver: 0.3, random } }))
  assert.deepEqual(wild.items, calm.items)
  assert.ok(wild.deliveries > calm.deliveries)
})

test('student finishes what is in hand when it drains, and refuses what comes after', async () => {
  const { student, client } = setUp({ maxBatch: 4 })
  await student.start()
  const crops = Array.from({ length: 40 }, (_, i) => grayCrops(i))
  const inHand = client.classifyCrops({ crops })
  await new Promise((resolve) => setImmediate(resolve))
  const drained = student.drain(5000)
  assert.equal(student.snapshot().ready, false)
  const refused = await client.classifyCrop({ crop: grayCrops(1) }).then(
    () => undefined,
    (error) => error,
  )
  assert.equal(refused.code, 'unavailable')
  assert.equal((await inHand).results.length, 40)
  await drained
})

test('student does not compute for a caller that has gone', async () => {
  const { student, client } = setUp({ maxBatch: 1, queueLimit: 4096 })
  await student.start()
  const cancel = new AbortController()
  const crops = Array.from({ length: 2000 }, () => grayCrops(1))
  const gone = client.classifyCrops({ crops }, { signal: cancel.signal })
  while (student.snapshot().queued === 0) await new Promise((resolve) => setImmediate(resolve))
  cancel.abort()
  await assert.rejects(gone, { code: 'cancelled' })
  assert.equal(student.snapshot().queued, 0)
  await student.drain(1000)
})

test('student that is told to stop while it loads ends its load', async () => {
  const { student } = setUp()
  const started = student.start()
  await student.drain(1000)
  await assert.rejects(started, { code: 'cancelled' })
})

test('student names the model that it cannot load, and can be started again once that is mended', async () => {
  const path = await writeTinyModel(directory.path, { id: 'late', manifest: { sha256: '0'.repeat(64) } })
  const { student, client } = setUp({ modelPath: path })
  await assert.rejects(student.start(), { code: 'data_loss', message: /late\.onnx/ })
  await writeTinyModel(directory.path, { id: 'late' })
  await student.start()
  assert.equal((await client.getModel({})).ready, true)
  await student.drain(1000)
})

test('student tells whoever keeps its health when it takes crops and when it no longer does', async () => {
  const told: boolean[] = []
  const student = createStudentInference({
    clock: systemClock,
    logger: silentLogger,
    options: parseConfig(studentInferenceOptionsSchema, { modelPath, threadsPerWorker: 1 }, 'test'),
    onReady: (ready) => told.push(ready),
  })
  started.push(student)
  await student.start()
  await student.drain(1000)
  assert.deepEqual(told, [true, false])
})
