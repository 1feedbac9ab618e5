import assert from 'node:assert/strict'
import test from 'node:test'
import type { CropResult } from '../gen/pelletline/inference/v1/inference_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { grayCrops } from '../shared/onnx/test-support/tiny-model.ts'
import { systemClock } from '../shared/service/clock.ts'
import { createLineRegistry } from './test-support/line-registry.ts'
import { marginOf, useTinyStudent } from './test-support/tiny-student.ts'

const serve = useTinyStudent()

/** A student with a registry of these lines, whose second passes when the test says so. */
async function setUp(lines: Readonly<Record<string, number | undefined>> = { 'line-1': 0.75, 'line-2': undefined }) {
  const registry = createLineRegistry(lines)
  let passedNs = 0n
  const clock = { ...systemClock, nowNs: () => systemClock.nowNs() + passedNs }
  const pass = () => {
    passedNs += 1_000_000_000n
  }
  return { ...(await serve({ registry, clock })), registry, pass }
}

type Client = Awaited<ReturnType<typeof setUp>>['client']

const crop = grayCrops(120)

async function* once<T>(message: T) {
  yield message
}

/** Each kind of call, with what it answers to one crop. */
const calls: Readonly<
  Record<string, (client: Client, wish: { line?: string; threshold?: number }) => Promise<CropResult['result']>>
> = {
  async classifyCrop(client, wish) {
    const { classification } = await client.classifyCrop({ crop, ...wish })
    return { case: 'classification', value: classification! }
  },
  async classifyCrops(client, wish) {
    return (await client.classifyCrops({ crops: [crop], ...wish })).results[0]!.result
  },
  async classifyStream(client, wish) {
    for await (const { results } of client.classifyStream(once({ requestId: '1', crops: [crop], ...wish }))) {
      return results[0]!.result
    }
    return assert.fail('it was not answered')
  },
  async classifyUpload(client, wish) {
    return (await client.classifyUpload(once({ crops: [crop], ...wish }))).results[0]!.result
  },
  async classifyProgressive(client, wish) {
    for await (const { results } of client.classifyProgressive({ crops: [crop], ...wish })) return results[0]!.result
    return assert.fail('it was not answered')
  },
}

test('every call judges at the threshold of the line, at the own one of the model where its recipe has none, and tells the margin', async () => {
  const { client } = await setUp()
  for (const [name, call] of Object.entries(calls)) {
    const judged = async (wish: { line?: string; threshold?: number }) => {
      const result = await call(client, wish)
      assert.ok(result.case === 'classification')
      assert.ok(Math.abs(result.value.margin - marginOf(120)) < 1e-4)
      return result.value.threshold
    }
    const wishes = [{ line: 'line-1' }, { line: 'line-2' }, { threshold: 0.5 }, {}]
    const thresholds = []
    for (const wish of wishes) thresholds.push(await judged(wish))
    assert.deepEqual(thresholds, [0.75, 1, 0.5, 1], name)
  }
})

test('every call follows the recipe of the line as it changes, and refuses what it cannot judge by a line', async () => {
  const { client, registry, pass } = await setUp()
  let threshold = 3
  for (const [name, call] of Object.entries(calls)) {
    const refused = (wish: { line?: string; threshold?: number }) =>
      call(client, wish).then(
        () => assert.fail(`${name} answered ${JSON.stringify(wish)}`),
        ({ code, message }: PelletlineError) => `${code}: ${message}`,
      )
    await call(client, { line: 'line-1' })
    threshold += 1
    registry.assign('line-1', threshold)
    pass()
    const result = await call(client, { line: 'line-1' })
    assert.equal(result.case === 'classification' && result.value.threshold, threshold, name)
    assert.match(
      await refused({ line: 'line-3' }),
      /^not_found: There is no line line-3 here; there is line-1, line-2\./,
    )
    assert.match(
      await refused({ line: 'line-1', threshold: 1 }),
      /^invalid_argument: .*only one of threshold, line can be set/,
    )
    assert.match(await refused({ line: 'line 1' }), /^invalid_argument: .* is not valid: line: /)
    assert.match(await refused({ line: '' }), /^invalid_argument: .* is not valid: line: /)
    pass()
    registry.disturb(async () => {
      throw new PelletlineError('unavailable', 'analytics is starting')
    })
    assert.match(await refused({ line: 'line-1' }), /^unavailable: .*registry \(analytics is starting\)/)
    assert.equal((await call(client, { threshold: 2 })).case, 'classification')
    registry.disturb(undefined)
    // The failure holds for a while.
    pass()
  }
})

test('a student served alone refuses a line with what to give instead', async () => {
  const { client } = await serve()
  for (const call of Object.values(calls)) {
    await assert.rejects(call(client, { line: 'line-1' }), {
      code: 'failed_precondition',
      message: /knows no registry, .* give a threshold instead/,
    })
  }
})

test('each request of a two-way stream is judged by the recipe in force when it arrives, an upload by that of its beginning', async () => {
  const { client, registry, pass } = await setUp()
  const change = Promise.withResolvers<void>()
  async function* messages() {
    yield { crops: [crop], line: 'line-1' }
    await change.promise
    registry.assign('line-1', 2)
    pass()
    yield { crops: [crop], line: 'line-1' }
  }
  const thresholds = (results: readonly CropResult[]) =>
    results.map(({ result }) => (result.case === 'classification' ? result.value.threshold : result.case))
  const upload = client.classifyUpload(messages())
  const streamed: unknown[] = []
  for await (const { results } of client.classifyStream(messages())) {
    streamed.push(...thresholds(results))
    while (registry.asked.times === 0) await new Promise((resolve) => setImmediate(resolve))
    change.resolve()
  }
  assert.deepEqual(streamed, [0.75, 2])
  assert.deepEqual(thresholds((await upload).results), [0.75, 0.75])
})

test('a request counts what it waits for the registry as time in the queue', async () => {
  const { client, registry, pass } = await setUp()
  registry.disturb(async () => pass())
  const { timing } = await client.classifyCrops({ crops: [crop], line: 'line-1' })
  assert.ok(timing!.queuedUs >= 1_000_000)
  registry.disturb(undefined)
  const answers = client.classifyProgressive({ crops: Array.from({ length: 64 }, () => crop), line: 'line-1' })
  registry.disturb(async () => pass())
  const waits: boolean[] = []
  for await (const { timing } of answers) waits.push(timing!.queuedUs >= 1_000_000)
  assert.deepEqual(waits, [true, false])
})

test('a caller that leaves while the registry is asked is told so and computed nothing', async () => {
  const { client, student, registry } = await setUp()
  const asked = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  registry.disturb(() => {
    asked.resolve()
    return gate.promise
  })
  const gone = new AbortController()
  const left = client.classifyCrops({ crops: [crop], line: 'line-1' }, { signal: gone.signal })
  await asked.promise
  gone.abort()
  await assert.rejects(left, { code: 'cancelled' })
  gate.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(student.snapshot().queued, 0)
  const { flows } = await client.getBatching({})
  assert.deepEqual(flows, [])
})

test('a request that came whole before the drain is answered, also where it waits for the registry meanwhile', async () => {
  const { client, student, registry } = await setUp()
  const gate = Promise.withResolvers<void>()
  registry.disturb(() => gate.promise)
  const { classifyCrop, classifyCrops, classifyStream } = calls
  const asked = [classifyCrop!, classifyCrops!, classifyStream!].map((call) => call(client, { line: 'line-1' }))
  const answered = Promise.all(asked)
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(registry.asked.times, 1)
  let isDrained = false
  const drained = student.drain(60_000).then(() => {
    isDrained = true
  })
  await assert.rejects(client.classifyCrops({ crops: [crop] }), { code: 'unavailable' })
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isDrained, false)
  gate.resolve()
  assert.deepEqual(
    (await answered).map((answer) => answer.case),
    ['classification', 'classification', 'classification'],
  )
  await drained
})
