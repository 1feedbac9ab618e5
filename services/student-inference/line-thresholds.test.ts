import assert from 'node:assert/strict'
import test from 'node:test'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { patientFactor, type WhenFull } from './crop-batcher.ts'
import { createLineThresholds, noLineThresholds } from './line-thresholds.ts'
import { createLineRegistry } from './test-support/line-registry.ts'

function setUp(lines: Readonly<Record<string, number | undefined>> = { 'line-1': 2.5, 'line-2': undefined }) {
  const registry = createLineRegistry(lines)
  let nowNs = 1_000_000_000_000n
  const thresholds = createLineThresholds({
    registry,
    clock: { nowNs: () => nowNs },
    timeoutMs: 1000,
    waitingLimit: 10,
  })
  const { signal } = new AbortController()
  const of = (line: string, crops = 1, whenFull: WhenFull = 'refuse') =>
    thresholds.of(line, { crops, whenFull, signal })
  return {
    registry,
    thresholds,
    of,
    pass(ms: number) {
      nowNs += BigInt(ms) * 1_000_000n
    },
  }
}

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => assert.fail('it was answered'),
    (error: PelletlineError) => error,
  )

test('threshold of a line is that of its recipe, and none where the recipe has none', async () => {
  const { of } = setUp()
  assert.deepEqual([await of('line-1'), await of('line-2')], [2.5, undefined])
})

test('thresholds of lines are asked for once, whoever wants one, and again a second after they were asked for', async () => {
  const { registry, of, pass } = setUp()
  assert.deepEqual(await Promise.all([of('line-1'), of('line-2'), of('line-1')]), [2.5, undefined, 2.5])
  registry.assign('line-1', 3)
  pass(999)
  assert.deepEqual([await of('line-1'), registry.asked.times], [2.5, 1])
  pass(1)
  assert.deepEqual([await of('line-1'), registry.asked.times], [3, 2])
})

test('threshold of a line that nobody knows is refused with the lines there are, twenty at most, until it is known', async () => {
  const { registry, of, pass } = setUp()
  const unknown = await failureOf(of('line-3'))
  assert.deepEqual([unknown.code, unknown.retryable], ['not_found', false])
  assert.match(unknown.message, /^There is no line line-3 here; there is line-1, line-2\. A line is known once/)
  registry.assign('line-3', 7)
  pass(1000)
  assert.equal(await of('line-3'), 7)
  const names = Array.from({ length: 23 }, (_, i) => `line-${String(i).padStart(2, '0')}`)
  const many = setUp(Object.fromEntries(names.toReversed().map((name) => [name, 1])))
  assert.match((await failureOf(many.of('other'))).message, /there is line-00, .*, line-19 and 3 more\./)
  assert.match((await failureOf(setUp({}).of('line-1'))).message, /no line is known yet/)
})

test('threshold of a line is unavailable while the registry does not answer, even where an older one is known', async () => {
  const { registry, of, pass } = setUp()
  await of('line-1')
  registry.disturb(async () => {
    throw new PelletlineError('deadline_exceeded', 'No answer within 1000 ms.')
  })
  assert.equal(await of('line-1'), 2.5)
  pass(1000)
  const failure = await failureOf(of('line-1'))
  assert.deepEqual([failure.code, failure.retryable, failure.retryAfterMs], ['unavailable', true, 1000])
  assert.match(failure.message, /No answer within 1000 ms/)
  registry.disturb(undefined)
  pass(250)
  assert.equal(await of('line-1'), 2.5)
})

test('registry that fails is asked once in 250 ms, however many want a threshold', async () => {
  const { registry, of, pass } = setUp()
  registry.disturb(async () => {
    throw new PelletlineError('unavailable', 'analytics is starting')
  })
  for (let i = 0; i < 200; i += 1) assert.match((await failureOf(of('line-1'))).message, /analytics is starting/)
  assert.equal(registry.asked.times, 1)
  pass(249)
  await failureOf(of('line-1'))
  assert.equal(registry.asked.times, 1)
  registry.disturb(undefined)
  pass(1)
  assert.deepEqual([await of('line-1'), registry.asked.times], [2.5, 2])
})

test('threshold is never older than a second where the registry takes longer, and an old answer replaces no newer one', async () => {
  const { registry, of, pass } = setUp()
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const [old, newer] = gates
  registry.disturb(() => gates[registry.asked.times - 1]!.promise)
  const first = of('line-1')
  pass(999)
  const joined = of('line-1')
  assert.equal(registry.asked.times, 1)
  pass(1)
  const second = of('line-1')
  pass(500)
  const third = of('line-1')
  assert.equal(registry.asked.times, 2)
  registry.assign('line-1', 3)
  newer!.resolve()
  assert.deepEqual([await second, await third], [3, 3])
  // What the old question hears was in force before.
  registry.assign('line-1', 2.5)
  old!.resolve()
  assert.deepEqual([await first, await joined, await of('line-1'), registry.asked.times], [2.5, 2.5, 3, 2])
})

test('registry that fails late shuts out nobody who waits for a newer answer', async () => {
  const { registry, of, pass } = setUp()
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const [old, newer] = gates
  registry.disturb(() => gates[registry.asked.times - 1]!.promise)
  const first = failureOf(of('line-1'))
  pass(1000)
  const second = of('line-1')
  old!.reject(new PelletlineError('deadline_exceeded', 'No answer within 1000 ms.'))
  assert.equal((await first).code, 'unavailable')
  const third = of('line-1')
  newer!.resolve()
  assert.deepEqual([await second, await third, registry.asked.times], [2.5, 2.5, 2])
})

test('crops that wait for the registry are bounded, more of them for streams, and a caller that leaves makes room', async () => {
  const { registry, thresholds, of } = setUp()
  const gate = Promise.withResolvers<void>()
  registry.disturb(() => gate.promise)
  const gone = new AbortController()
  const leaving = failureOf(thresholds.of('line-1', { crops: 6, whenFull: 'refuse', signal: gone.signal }))
  const waits = [of('line-1', 4)]
  const refused = await failureOf(of('line-1'))
  assert.deepEqual([refused.code, refused.retryable], ['resource_exhausted', true])
  assert.match(refused.message, /^10 of at most 10 crops wait for the registry's answer and 1 more do not fit/)
  gone.abort()
  assert.equal((await leaving).code, 'cancelled')
  waits.push(of('line-1', 6), of('line-1', 10 * patientFactor, 'wait'))
  assert.equal((await failureOf(of('line-1', 1, 'wait'))).code, 'resource_exhausted')
  gate.resolve()
  assert.deepEqual(await Promise.all(waits), [2.5, 2.5, 2.5])
  assert.equal(registry.asked.times, 1)
})

test('a request larger than what may wait for the registry is taken where nothing waits', async () => {
  assert.equal(await setUp().of('line-1', 4096), 2.5)
})

test('a student without a registry says what to give instead of a line', async () => {
  const { signal } = new AbortController()
  const failure = await failureOf(noLineThresholds.of('line-1', { crops: 1, whenFull: 'refuse', signal }))
  assert.equal(failure.code, 'failed_precondition')
  assert.match(failure.message, /recipe of line line-1: give a threshold instead/)
})
