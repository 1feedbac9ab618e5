import assert from 'node:assert/strict'
import test from 'node:test'
import type { Bus } from '../shared/bus/bus.ts'
import { createMemoryBus } from '../shared/bus/memory-bus.ts'
import { topics } from '../shared/bus/topics.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { systemClock } from '../shared/service/clock.ts'
import { noTelemetry } from '../shared/telemetry/telemetry.ts'
import { handleCrops } from './handle-crops.ts'
import type { PartRoute } from './models/create-model-shelf.ts'
import { createJudgingRecorder } from './record-judging.ts'
import { collect } from './test-support/collect.ts'
import { cropsMessage, testRecipe } from './test-support/crops-message.ts'

test('a part that waits for the model before is let go when its handling is aborted', async () => {
  const stopping = new AbortController()
  const handled = handleCrops(
    {
      bus: createMemoryBus(),
      recipes: { get: async () => testRecipe() as never },
      clock: systemClock,
      auditSalt: 'salt',
      galleryPerPart: 0,
      record: createJudgingRecorder(noTelemetry, systemClock),
      handover: () => new Promise(() => {}),
      route: () => assert.fail('nothing is to be routed'),
    },
    cropsMessage({ levels: [] }),
    {},
    stopping.signal,
  )
  setImmediate(() => stopping.abort())
  await assert.rejects(handled, { code: 'cancelled' })
})

test('a part is told of once, when its verdicts and its audit request are published', async () => {
  const bus = createMemoryBus()
  let failures = 1
  const publish: Bus['publish'] = async (topic, messages, signal) => {
    if (topic === topics.auditRequests.name && failures-- > 0) throw new PelletlineError('unavailable', 'No broker.')
    await bus.publish(topic, messages, signal)
  }
  const judged = { margins: Float32Array.of(3), beganNs: 1n, endedNs: 2n }
  const student = {
    model: { id: 'student', sha256: 'a'.repeat(64) },
    threshold: 1,
    judged: { crops: 0 },
    batcher: { submit: async () => judged },
  }
  const told: string[] = []
  const handle = () =>
    handleCrops(
      {
        bus: { ...bus, publish },
        recipes: { get: async () => testRecipe() as never },
        clock: systemClock,
        auditSalt: 'salt',
        galleryPerPart: 0,
        record: {
          ...createJudgingRecorder(noTelemetry, systemClock),
          part: (_, model, { endedNs }) => void told.push(`${model} ${endedNs}`),
        },
        handover: () => undefined,
        route: () => ({ student, fallBack: undefined, shadow: undefined }) as unknown as PartRoute,
      },
      cropsMessage({ levels: [1] }),
      {},
      new AbortController().signal,
    )
  await assert.rejects(handle(), { code: 'unavailable' })
  assert.deepEqual(told, [])
  await handle()
  assert.deepEqual(told, ['student 2'])
})

test('a part is routed after the parts of the model before, and by what is live then', async () => {
  const bus = createMemoryBus()
  const verdicts = await collect(bus, topics.verdicts)
  const turns = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let turn = 0
  let live = 'before'
  const routed: string[] = []
  const route = () => {
    routed.push(live)
    const model = { id: live, sha256: 'a'.repeat(64) }
    return { student: { model, threshold: 1, judged: { crops: 0 } }, fallBack: undefined, shadow: undefined }
  }
  const handled = handleCrops(
    {
      bus,
      recipes: { get: async () => testRecipe() as never },
      clock: systemClock,
      auditSalt: 'salt',
      galleryPerPart: 0,
      record: createJudgingRecorder(noTelemetry, systemClock),
      handover: () => turns[turn]?.promise,
      route: route as unknown as () => PartRoute,
    },
    cropsMessage({ levels: [] }),
    {},
    new AbortController().signal,
  )
  const next = async () => {
    await new Promise((resolve) => setImmediate(resolve))
    turns[turn++]!.resolve()
  }
  await next()
  live = 'after'
  assert.deepEqual(routed, [])
  await next()
  await handled
  assert.deepEqual(routed, ['after'])
  const [verdict] = await verdicts.until(1)
  assert.equal(verdict!.model!.id, 'after')
})
