import assert from 'node:assert/strict'
import test from 'node:test'
import { create } from '@bufbuild/protobuf'
import { StripKeySchema } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { ModelAssignmentSchema } from '../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { silentLogger } from '../../shared/telemetry/logger.ts'
import { createModelShelf } from './create-model-shelf.ts'
import type { LoadedStudent } from './load-student.ts'
import type { ModelName } from './plan-models.ts'

const name = (id: string): ModelName => ({ id, sha256: id.repeat(64).slice(0, 64) })
const ref = (id: string) => ({ $typeName: 'pelletline.inspection.v1.ModelRef' as const, ...name(id) })
const key = create(StripKeySchema, { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: 'run-1', strip: 1n })
const settled = () => new Promise((resolve) => setImmediate(resolve))

/** A student that computes nothing and ends when its time or its signal says so. */
function fakeStudent(id: string) {
  const closes: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined }[] = []
  const finished = Promise.withResolvers<void>()
  const taken = Promise.withResolvers<void>()
  let state: ReturnType<LoadedStudent['state']> = 'ready'
  const student = {
    model: name(id),
    loadMs: 1,
    trust: 'test',
    judged: { crops: 0 },
    batcher: { queued: () => 0, taken: () => taken.promise },
    state: () => state,
    close(timeoutMs: number, signal?: AbortSignal) {
      closes.push({ timeoutMs, signal })
      signal?.addEventListener('abort', () => finished.resolve(), { once: true })
      return signal === undefined ? Promise.resolve() : finished.promise
    },
  } as unknown as LoadedStudent
  return {
    student,
    closes,
    finish: () => finished.resolve(),
    take: () => taken.resolve(),
    die: () => (state = 'failed'),
    loseWorker: () => (state = 'degraded'),
  }
}

/** A clock that stands until the test moves it to the end of every wait. */
function standingClock() {
  const waits: { readonly ms: number; readonly end: () => void }[] = []
  return {
    waits,
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        waits.push({ ms, end: resolve })
        signal?.addEventListener('abort', () => reject(new PelletlineError('cancelled', 'stopped')), { once: true })
      }),
  }
}

/** A shelf with the configured model `a`, and models whose loads the test can hold up. */
function setUp(
  held: Readonly<Record<string, (signal: AbortSignal) => Promise<LoadedStudent>>> = {},
  { maxLoaded = 3 } = {},
) {
  const clock = standingClock()
  /** The last load of each. */
  const fakes = new Map<string, ReturnType<typeof fakeStudent>>()
  const loads: string[] = []
  const shelf = createModelShelf({
    configured: name('a'),
    maxLoaded,
    logger: silentLogger,
    retireLimitMs: 60_000,
    clock,
    load: async ({ id }, signal) => {
      loads.push(id)
      if (held[id] !== undefined) return held[id](signal)
      const fake = fakeStudent(id)
      fakes.set(id, fake)
      return fake.student
    },
    onChange: () => {},
  })
  const assign = async (
    generation: bigint,
    roles: { live?: string; shadow?: string; canary?: string; held?: string[] },
  ) => {
    const { live, shadow, canary, held = [] } = roles
    shelf.follow(
      create(ModelAssignmentSchema, {
        generation,
        held: held.map(ref),
        ...(live === undefined ? {} : { live: ref(live) }),
        ...(shadow === undefined ? {} : { shadow: { model: ref(shadow), share: 1 } }),
        ...(canary === undefined ? {} : { canary: { model: ref(canary), share: 1, lines: [] } }),
      }),
    )
    await settled()
    await settled()
  }
  const states = () => new Map(shelf.entries().map(({ name, state }) => [name.id, state]))
  return { shelf, clock, fakes, loads, assign, states }
}

test('a canary that failed gets no part until it is loaded anew, and the live model judges what it could not', async () => {
  const { shelf, fakes, loads, assign, states } = setUp()
  await assign(1n, { canary: 'b' })
  const { student, fallBack } = shelf.route(key, 0)!
  assert.equal(student.model.id, 'b')
  const second = shelf.route(key, 1)!
  assert.equal(fallBack!(new PelletlineError('internal', 'no finite score for crop 3'))!.model.id, 'a')
  assert.equal(states().get('b'), 'failed')
  assert.match(shelf.entries().find(({ name }) => name.id === 'b')!.reason, /no finite score for crop 3/)
  // A part that was in its hands at the time falls back too, without a second mark.
  assert.equal(second.fallBack!(new PelletlineError('internal', 'again'))!.model.id, 'a')
  assert.equal(fakes.get('b')!.closes.length, 1)
  const after = shelf.route(key, 0)!
  assert.deepEqual([after.student.model.id, after.fallBack], ['a', undefined])
  // Other changes of the assignment do not bring it back, a new load does.
  await assign(2n, { canary: 'b', held: ['c'] })
  assert.deepEqual([shelf.route(key, 0)!.student.model.id, states().get('b')], ['a', 'failed'])
  await assign(3n, {})
  assert.equal(states().has('b'), false)
  for (const id of ['b', 'c']) fakes.get(id)!.finish()
  await assign(4n, { canary: 'b' })
  assert.equal(shelf.route(key, 0)!.student.model.id, 'b')
  // Nor does a part that fell to it before, and fails only now, end the new load.
  assert.equal(fallBack!(new PelletlineError('internal', 'late'))!.model.id, 'a')
  assert.equal(states().get('b'), 'ready')
  assert.deepEqual(loads, ['a', 'b', 'c', 'b'])
})

test('a canary whose workers have all died is marked as failed', async () => {
  const { shelf, fakes, assign, states } = setUp()
  await assign(1n, { canary: 'b' })
  fakes.get('b')!.die()
  assert.equal(shelf.route(key, 0)!.student.model.id, 'a')
  assert.equal(states().get('b'), 'failed')
})

test('a model that was let go, or has failed, keeps its place in memory until it has ended', async () => {
  const { fakes, loads, assign, states } = setUp()
  await assign(1n, { held: ['b'], canary: 'c' })
  await settled()
  fakes.get('c')!.die()
  await assign(2n, { held: ['d'], canary: 'c' })
  assert.deepEqual(states(), new Map(Object.entries({ a: 'ready', c: 'failed', b: 'retiring' })))
  fakes.get('c')!.finish()
  for (let i = 0; i < 3; i += 1) await settled()
  assert.deepEqual([states().get('b'), states().get('d')], ['retiring', 'ready'])
  await assign(3n, { held: ['d', 'e'] })
  assert.equal(states().has('e'), false)
  fakes.get('b')!.finish()
  for (let i = 0; i < 3; i += 1) await settled()
  assert.deepEqual(states(), new Map(Object.entries({ a: 'ready', d: 'ready', e: 'ready' })))
  assert.deepEqual(loads, ['a', 'c', 'b', 'd', 'e'])
})

test('a model that does not fit is refused with what makes room, which is no unload where only one judges', async () => {
  for (const [maxLoaded, message] of [
    [1, /1 models are in memory \(a\), at most 1 may be; raise models\.maxLoaded, since the one that judges stays/],
    [2, /2 models are in memory \(a, b\), at most 2 may be; unload one before c is loaded/],
  ] as const) {
    const { shelf, assign } = setUp({}, { maxLoaded })
    await assign(1n, { held: ['b', 'c'] })
    await settled()
    assert.match(shelf.entries().find(({ name }) => name.id === 'c')!.error!.message, message)
  }
})

test('a model in memory whose workers have all died is failed, whatever its role, and cannot become the one that judges', async () => {
  const { shelf, fakes, assign, states } = setUp()
  await assign(1n, { shadow: 'b', held: ['c'] })
  await settled()
  assert.equal(shelf.route(key, 0)!.shadow!.student.model.id, 'b')
  for (const id of ['b', 'c']) fakes.get(id)!.die()
  shelf.noteDeaths()
  assert.deepEqual(states(), new Map(Object.entries({ a: 'ready', b: 'failed', c: 'failed' })))
  assert.deepEqual(
    [shelf.route(key, 0)!.shadow, shelf.find('c'), fakes.get('c')!.closes.length],
    [undefined, undefined, 1],
  )
  await assign(2n, { live: 'c', held: ['b'] })
  assert.equal(shelf.live()!.model.id, 'a')
  assert.match((await shelf.settled())!.message, /All its workers have died/)
})

test('a model that judges keeps its place when its workers die, and is failed once another one judges', async () => {
  const { shelf, fakes, assign, states } = setUp()
  await assign(1n, { held: ['b'] })
  fakes.get('a')!.die()
  shelf.noteDeaths()
  assert.deepEqual([shelf.live()!.model.id, states().get('a')], ['a', 'ready'])
  await assign(2n, { live: 'b', held: ['a'] })
  assert.deepEqual([shelf.live()!.model.id, states().get('a')], ['b', 'failed'])
})

test('a shelf that closes gives a model that was let go before no longer than the drain, and ends loads at once', async () => {
  const loading = (signal: AbortSignal) =>
    new Promise<LoadedStudent>((_, reject) =>
      signal.addEventListener('abort', () => reject(new PelletlineError('cancelled', 'stopped')), { once: true }),
    )
  const { shelf, clock, fakes, assign, states } = setUp({ c: loading })
  await assign(1n, { held: ['b'] })
  await assign(2n, { held: ['c'] })
  assert.deepEqual(states(), new Map(Object.entries({ a: 'ready', b: 'retiring', c: 'loading' })))
  let closed = false
  const closing = shelf.close(500).then(() => (closed = true))
  await settled()
  assert.deepEqual(states(), new Map(Object.entries({ a: 'ready', b: 'retiring' })))
  assert.equal(closed, false)
  assert.deepEqual(
    clock.waits.map(({ ms }) => ms),
    [500],
  )
  assert.deepEqual(
    fakes.get('a')!.closes.map(({ timeoutMs }) => timeoutMs),
    [500],
  )
  clock.waits[0]!.end()
  await closing
  assert.equal(fakes.get('b')!.closes[0]!.signal!.aborted, true)
})

test('a shelf that closes does not wait for the drain to pass where all have finished', async () => {
  const { shelf, clock, fakes, assign } = setUp()
  await assign(1n, { held: ['b'] })
  await assign(2n, {})
  const closing = shelf.close(500)
  await settled()
  fakes.get('b')!.finish()
  await closing
  assert.equal(clock.waits.length, 1)
})

test('a model that is warm in the moment of the stop is ended', async () => {
  const warm = Promise.withResolvers<LoadedStudent>()
  const { student, closes } = fakeStudent('b')
  const { shelf, assign } = setUp({ b: () => warm.promise })
  await assign(1n, { held: ['b'] })
  const closing = shelf.close(500)
  warm.resolve(student)
  await closing
  assert.equal(closes.length, 1)
})

test('a shelf whose models do not end is closed all the same, some seconds after the drain', async () => {
  const { student } = fakeStudent('b')
  const { shelf, clock, assign } = setUp({ b: async () => ({ ...student, close: () => new Promise(() => {}) }) })
  await assign(1n, { held: ['b'] })
  let closed = false
  const closing = shelf.close(500).then(() => (closed = true))
  await settled()
  clock.waits[0]!.end()
  await settled()
  assert.equal(closed, false)
  assert.deepEqual(
    clock.waits.map(({ ms }) => ms),
    [500, 10_000],
  )
  clock.waits[1]!.end()
  await closing
})

test('a model that has lost a worker is listed as ready, with what that means', async () => {
  const { shelf, fakes, assign } = setUp()
  await assign(1n, { held: ['b'] })
  const entry = () => shelf.entries().find(({ name }) => name.id === 'b')!
  assert.equal(entry().reason, '')
  fakes.get('b')!.loseWorker()
  assert.deepEqual([entry().state, /given up, so it judges more slowly/.test(entry().reason)], ['ready', true])
})

test('a model that is refused is told of once for each load, with why', async () => {
  const told: string[] = []
  const refusal = new PelletlineError('data_loss', 'b.onnx is damaged.')
  const shelf = createModelShelf({
    configured: name('a'),
    maxLoaded: 3,
    logger: silentLogger,
    retireLimitMs: 60_000,
    clock: standingClock(),
    load: async ({ id }) => (id === 'b' ? Promise.reject(refusal) : fakeStudent(id).student),
    onRefused: ({ code }) => told.push(code),
    onChange: () => {},
  })
  shelf.follow(create(ModelAssignmentSchema, { generation: 1n, held: [ref('b')] }))
  for (let i = 0; i < 5; i += 1) await settled()
  assert.deepEqual(told, ['data_loss'])
  assert.equal(shelf.entries().find((entry) => entry.name.id === 'b')!.error, refusal)
})

test('parts wait after a switch for what the model before has queued, for two seconds at most', async () => {
  const { shelf, clock, fakes, assign } = setUp()
  await assign(1n, { held: ['b'] })
  assert.equal(shelf.handover(), undefined)
  await assign(2n, { live: 'b', held: ['a'] })
  const first = shelf.handover()!
  fakes.get('a')!.take()
  await first
  assert.equal(shelf.handover(), undefined)
  await assign(3n, { live: 'a', held: ['b'] })
  const second = shelf.handover()!
  const { ms, end } = clock.waits.at(-1)!
  assert.equal(ms, 2000)
  end()
  await second
  assert.equal(shelf.handover(), undefined)
})

test('a switch before the last one is done waits for the models of both', async () => {
  const { shelf, fakes, assign } = setUp()
  await assign(1n, { held: ['b', 'c'] })
  await assign(2n, { live: 'b', held: ['a', 'c'] })
  await assign(3n, { live: 'c', held: ['a', 'b'] })
  // Nothing was queued for b: its parts still wait for those of a.
  fakes.get('b')!.take()
  await settled()
  const turn = shelf.handover()!
  assert.notEqual(turn, undefined)
  fakes.get('a')!.take()
  await turn
  assert.equal(shelf.handover(), undefined)
})
