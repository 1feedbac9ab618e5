import assert from 'node:assert/strict'
import test, { after, afterEach, before } from 'node:test'
import { create, type MessageShape } from '@bufbuild/protobuf'
import type { TeacherAuditService } from '../gen/pelletline/audit/v1/audit_pb.ts'
import {
  AuditRequestMessageSchema,
  AuditStratum,
  type AuditsMessageSchema,
} from '../gen/pelletline/events/v1/events_pb.ts'
import { Verdict } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { Bus } from '../shared/bus/bus.ts'
import { createMemoryBus } from '../shared/bus/memory-bus.ts'
import { consumeTopic, publishMessage } from '../shared/bus/messages.ts'
import { topics } from '../shared/bus/topics.ts'
import { parseConfig } from '../shared/config/load-config.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createInferencePool, type InferencePool } from '../shared/onnx/inference-pool.ts'
import { grayCrops, modelDirectory, writeTinyModel } from '../shared/onnx/test-support/tiny-model.ts'
import { createLocalClient } from '../shared/rpc/local-client.ts'
import type { ServiceClient, ServiceImplementation } from '../shared/rpc/types.ts'
import { systemClock } from '../shared/service/clock.ts'
import { silentLogger } from '../shared/telemetry/logger.ts'
import { teacherAuditOptionsSchema } from './config.ts'
import { createTeacherAudit, teacherGroup } from './create-teacher-audit.ts'

let directory: Awaited<ReturnType<typeof modelDirectory>>
const models: string[] = []
before(async () => {
  directory = await modelDirectory()
  models.push(await writeTinyModel(directory.path, { id: 'vgg', gain: 0.1, center: 100, threshold: 1 }))
  models.push(await writeTinyModel(directory.path, { id: 'resnet', gain: 0.2, center: 110 }))
})
after(() => directory.remove())

const started: { drain(timeoutMs: number): Promise<void> }[] = []
afterEach(async () => {
  for (const audit of started.splice(0)) await audit.drain(0)
})

function setUp(count: number, bus = createMemoryBus()) {
  const options = parseConfig(teacherAuditOptionsSchema, { modelPaths: models.slice(0, count) }, 'test')
  const audit = createTeacherAudit({ bus, clock: systemClock, logger: silentLogger, options })
  started.push(audit)
  const [implementation] = audit.implementations
  const client = createLocalClient(
    implementation as unknown as ServiceImplementation<typeof TeacherAuditService>,
  ) as ServiceClient<typeof TeacherAuditService>
  return { audit, client, bus }
}

const close = (found: number, expected: number) => Math.abs(found - expected) < 1e-4

test('teachers score crops with every model in order and their mean', async () => {
  const { audit, client } = setUp(2)
  await assert.rejects(client.scoreCrops({ crops: [grayCrops(50)] }), (error: PelletlineError) => {
    assert.equal(error.code, 'unavailable')
    return error.retryAfterMs! > 0
  })
  await audit.start()
  const { scores, teachers } = await client.scoreCrops({ crops: [grayCrops(50), grayCrops(200)] })
  assert.deepEqual(
    teachers.map(({ id }) => id),
    ['vgg', 'resnet'],
  )
  const [dark, bright] = scores
  assert.ok(close(dark!.margins[0]!, 5) && close(dark!.margins[1]!, 12))
  assert.ok(close(dark!.ensembleScoreNg, (1 / (1 + Math.exp(-5)) + 1 / (1 + Math.exp(-12))) / 2))
  assert.deepEqual([dark!.verdict, bright!.verdict], [Verdict.NG, Verdict.OK])
})

test('teachers refuse a crop of a wrong size by its index', async () => {
  const { audit, client } = setUp(1)
  await audit.start()
  await assert.rejects(
    client.scoreCrops({ crops: [grayCrops(50), new Uint8Array(7)] }),
    (error: PelletlineError) => error.code === 'invalid_argument' && error.violations[0]!.field === 'crops[1]',
  )
})

test('one teacher judges at the threshold of its own manifest', async () => {
  const { audit, client } = setUp(1)
  await audit.start()
  // Margins 0.9 and 1.1 around the threshold of 1; at score 0.5 both would be NG.
  const { scores } = await client.scoreCrops({ crops: [grayCrops(91), grayCrops(89)] })
  assert.deepEqual(
    scores.map(({ verdict }) => verdict),
    [Verdict.OK, Verdict.NG],
  )
})

test('teachers answer an audit request item by item and keep pixels only where they disagree', async () => {
  const { audit, bus } = setUp(1)
  const answers: MessageShape<typeof AuditsMessageSchema>[] = []
  const answered = Promise.withResolvers<void>()
  await consumeTopic(bus, {
    topic: topics.audits,
    group: 'test',
    maxInFlight: 4,
    handle: async (message) => {
      answers.push(message)
      if (answers.length === 2) answered.resolve()
    },
  })
  await audit.start()
  const item = (index: number, level: number, studentVerdict: Verdict) => ({
    index,
    stratum: AuditStratum.REST,
    inclusionProbability: 0.25,
    crop: grayCrops(level),
    studentMargin: -3,
    studentVerdict,
  })
  const message = create(AuditRequestMessageSchema, {
    key: { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: 'run-1', strip: 4n },
    part: 1,
    lot: 'lot-1',
    student: { id: 'student', sha256: '' },
    items: [item(3, 50, Verdict.NG), item(9, 50, Verdict.OK), item(11, 200, Verdict.OK)],
  })
  for (let i = 0; i < 2; i += 1) await publishMessage(bus, topics.auditRequests, { key: 'k', message })
  await answered.promise
  const [first, again] = answers
  // When it was audited differs; what came of it does not.
  assert.deepEqual({ ...first, times: undefined }, { ...again, times: undefined })
  assert.ok(first!.times!.takenUnixNs <= first!.times!.endedUnixNs)
  assert.deepEqual([first!.key!.strip, first!.part, first!.lot, first!.student!.id], [4n, 1, 'lot-1', 'student'])
  assert.deepEqual(
    first!.items.map(({ index, teacherVerdict, crop }) => [index, teacherVerdict, crop.length]),
    [
      [3, Verdict.NG, 0],
      [9, Verdict.NG, 2500],
      [11, Verdict.OK, 0],
    ],
  )
  assert.ok(first!.items.every((audited) => audited.inclusionProbability === 0.25 && audited.studentMargin === -3))
  await audit.drain(1000)
  assert.equal((await bus.lag(topics.auditRequests.name, teacherGroup)).messages, 0)
})

test('teachers name the model that cannot be loaded and let go of those that were', async () => {
  const missing = `${directory.path}/missing.onnx`
  const options = parseConfig(teacherAuditOptionsSchema, { modelPaths: [models[0], missing] }, 'test')
  const audit = createTeacherAudit({ clock: systemClock, logger: silentLogger, options })
  started.push(audit)
  await assert.rejects(audit.start(), { code: 'not_found', message: /missing\.onnx/ })
  assert.equal(audit.snapshot().ready, false)
})

test('teachers whose workers have all died say so once and for all, with the model and the last death', async () => {
  const workerEntry = new URL('../shared/onnx/test-support/mortal-worker.ts', import.meta.url)
  const options = parseConfig(teacherAuditOptionsSchema, { modelPaths: models }, 'test')
  const failures: PelletlineError[] = []
  const ready: boolean[] = []
  const audit = createTeacherAudit({
    clock: systemClock,
    logger: silentLogger,
    options,
    openPool: (pool) => createInferencePool({ ...pool, workerEntry, maxRestarts: 0 }),
    onReady: (is) => void ready.push(is),
    onFailed: (reason) => void failures.push(reason),
  })
  started.push(audit)
  await audit.start()
  const [implementation] = audit.implementations
  const client = createLocalClient(implementation as unknown as ServiceImplementation<typeof TeacherAuditService>)
  await client.scoreCrops({ crops: [grayCrops(9)] })
  assert.deepEqual([ready, failures], [[true], []])
  await assert.rejects(client.scoreCrops({ crops: [grayCrops(255)] }), { code: 'unavailable' })
  assert.equal(audit.snapshot().ready, false)
  assert.match(failures[0]!.message, /workers of the teacher .*vgg\.onnx died again and again \(at last: /)
  assert.equal(ready[1], false)
})

test('teachers whose workers die while others are loaded are not ready, and can be started again', async () => {
  const workerEntry = new URL('../shared/onnx/test-support/mortal-worker.ts', import.meta.url)
  const options = parseConfig(teacherAuditOptionsSchema, { modelPaths: models }, 'test')
  const ready: boolean[] = []
  const failures: PelletlineError[] = []
  let first: InferencePool | undefined
  let mayDie = true
  const audit = createTeacherAudit({
    clock: systemClock,
    logger: silentLogger,
    options,
    async openPool(pool) {
      if (first !== undefined && mayDie) {
        await assert.rejects(first.run(grayCrops(255), 1), { code: 'unavailable' })
        mayDie = false
      }
      const opened = await createInferencePool({ ...pool, workerEntry, maxRestarts: 0 })
      first ??= opened
      return opened
    },
    onReady: (isReady) => void ready.push(isReady),
    onFailed: (reason) => void failures.push(reason),
  })
  started.push(audit)
  await assert.rejects(audit.start(), (error: PelletlineError) => {
    assert.match(error.message, /workers of the teacher vgg died again and again before all teachers were ready/)
    return error.retryable
  })
  assert.deepEqual([audit.snapshot().ready, ready, failures], [false, [], []])
  await audit.start()
  assert.deepEqual([audit.snapshot().ready, ready, failures], [true, [true], []])
})

test('teachers let go of a failed start also where the broker is away, so that the next one begins with new workers', async () => {
  const workerEntry = new URL('../shared/onnx/test-support/mortal-worker.ts', import.meta.url)
  const options = parseConfig(teacherAuditOptionsSchema, { modelPaths: models }, 'test')
  const opened: InferencePool[] = []
  let drains = 0
  const inner = createMemoryBus()
  const bus: Bus = {
    ...inner,
    async subscribe(subscription) {
      // The first start loses its workers and its broker.
      const isFirst = opened.length === models.length
      if (isFirst) await assert.rejects(opened[0]!.run(grayCrops(255), 1), { code: 'unavailable' })
      const member = await inner.subscribe(subscription)
      const drain = async (timeoutMs: number) => {
        await member.drain(timeoutMs)
        drains += 1
        if (isFirst) throw new PelletlineError('unavailable', 'The broker is away.')
      }
      return { drain }
    },
  }
  const audit = createTeacherAudit({
    bus,
    clock: systemClock,
    logger: silentLogger,
    options,
    async openPool(pool) {
      const made = await createInferencePool({ ...pool, workerEntry, maxRestarts: 0 })
      opened.push(made)
      return made
    },
  })
  started.push(audit)
  await assert.rejects(audit.start(), { message: /workers of the teacher vgg died again and again/ })
  assert.deepEqual(
    opened.map((pool) => pool.state()),
    ['closed', 'closed'],
  )
  await audit.start()
  assert.deepEqual([audit.snapshot().ready, opened.length, drains], [true, 4, 1])
  await audit.drain(1000)
  assert.equal(drains, 2, 'the member of the failed start is not drained again')
})

test('teachers finish what is in hand when they drain, and refuse what comes after', async () => {
  const { audit, client } = setUp(2)
  await audit.start()
  const inHand = client.scoreCrops({ crops: Array.from({ length: 64 }, (_, i) => grayCrops(i)) })
  await new Promise((resolve) => setImmediate(resolve))
  const drained = audit.drain(5000)
  await assert.rejects(client.scoreCrops({ crops: [grayCrops(1)] }), { code: 'unavailable' })
  assert.equal((await inHand).scores.length, 64)
  await drained
})
