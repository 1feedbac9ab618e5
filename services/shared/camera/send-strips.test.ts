import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CameraGatewayService, type CameraStrip, PixelFormat } from '../../gen/pelletline/camera/v1/camera_pb.ts'
import { Polarity } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { implement } from '../rpc/implement.ts'
import { createLocalClient } from '../rpc/local-client.ts'
import type { Clock } from '../service/clock.ts'
import { type SendProgress, type StripToSend, sendStrips } from './send-strips.ts'

const open = {
  line: 'line-1',
  camera: 'camera-1',
  run: 'run-1',
  width: 16,
  pixelFormat: PixelFormat.MONO8,
  optics: { umPerPxAcross: 50, umPerPxAlong: 50 },
  polarity: Polarity.LIGHT_ON_DARK,
}

function makeStrips(count: number, runEnds = true): StripToSend[] {
  return Array.from({ length: count }, (_, i) => ({
    strip: BigInt(i),
    firstRow: BigInt(i),
    rows: 1,
    pixels: new Uint8Array(16).fill(i),
    runEnds: runEnds && i === count - 1,
  }))
}

async function* from<T>(items: readonly T[], onGive?: (index: number) => void) {
  for (const [index, item] of items.entries()) {
    onGive?.(index)
    yield item
  }
}

/**
 * A gateway of a few lines: one strip at a time, acknowledged `lag` strips late until the run ends; `breakAt` ends the
 * stream with an error after so many strips in all.
 */
function createTestGateway({
  credits = 3,
  lag = 0,
  breakAt = [] as { strips: number; error: PelletlineError }[],
} = {}) {
  const taken: CameraStrip[] = []
  const openings: { firstStrip: bigint; durableBelow: bigint }[] = []
  let next = 0n
  let received = 0
  const breaks = [...breakAt]
  const implementation = implement(CameraGatewayService, {
    getIntake: () => Promise.reject(new PelletlineError('unimplemented', 'not needed here')),
    async *streamStrips(requests) {
      let available = credits
      for await (const { message } of requests) {
        if (message.case === 'open') {
          openings.push({ firstStrip: message.value.firstStrip, durableBelow: message.value.durableBelow })
          yield { message: { case: 'opened', value: { nextStrip: next, credits } } }
          continue
        }
        if (message.case !== 'strip') continue
        assert.ok(available-- > 0, `strip ${message.value.strip} came without a credit`)
        received++
        if (breaks[0]?.strips === received) throw breaks.shift()!.error
        assert.equal(message.value.strip, next)
        taken.push(message.value)
        next++
        const needed = message.value.runEnds || next < BigInt(lag) ? 0n : BigInt(lag)
        const nextStrip = message.value.runEnds ? next : next > needed ? next - needed : 0n
        available++
        yield { message: { case: 'acknowledgement', value: { nextStrip, credits: 1, durableBelow: next } } }
      }
    },
  })
  return { client: createLocalClient(implementation), taken, openings }
}

const unavailable = () => new PelletlineError('unavailable', 'the gateway restarts', { retryAfterMs: 1 })

test('sendStrips sends every strip once, within the credits, and resolves when all are acknowledged', async () => {
  const { client, taken } = createTestGateway()
  const seen: SendProgress[] = []
  const progress = await sendStrips(client, {
    open,
    strips: from(makeStrips(20)),
    onAcknowledged: (at) => seen.push(at),
  })
  assert.deepEqual(progress, { acknowledgedBelow: 20n, durableBelow: 20n })
  assert.deepEqual(
    taken.map((strip) => strip.pixels[0]),
    Array.from({ length: 20 }, (_, i) => i),
  )
  assert.equal(seen.length, 20)
})

test('sendStrips asks the source for no more than it may send', async () => {
  const { client } = createTestGateway({ credits: 2 })
  let given = 0
  let acknowledged = 0
  await sendStrips(client, {
    open,
    strips: from(makeStrips(30), (index) => {
      given = index + 1
      assert.ok(given - acknowledged <= 2, `${given} given, ${acknowledged} acknowledged`)
    }),
    onAcknowledged: ({ acknowledgedBelow }) => {
      acknowledged = Number(acknowledgedBelow)
    },
  })
  assert.equal(given, 30)
})

test('sendStrips resumes after breaks with what is not acknowledged, and names it in the opening', async () => {
  const breakAt = [
    { strips: 6, error: unavailable() },
    { strips: 7, error: new PelletlineError('already_exists', 'the old stream is still open', { retryAfterMs: 1 }) },
  ]
  const { client, taken, openings } = createTestGateway({ lag: 2, breakAt })
  const resumes: string[] = []
  await sendStrips(client, {
    open,
    strips: from(makeStrips(12)),
    onResume: (error) => resumes.push(error.code),
  })
  assert.deepEqual(
    taken.map((strip) => Number(strip.strip)),
    Array.from({ length: 12 }, (_, i) => i),
  )
  assert.deepEqual(openings, [
    { firstStrip: 0n, durableBelow: 0n },
    { firstStrip: 3n, durableBelow: 5n },
    { firstStrip: 3n, durableBelow: 5n },
  ])
  assert.deepEqual(resumes, ['unavailable', 'already_exists'])
})

test('sendStrips sends a strip that it repeats with the stamp that it was told, to a gateway that knows nothing of the run', async () => {
  const keeps: boolean[] = []
  const received: [bigint, number | undefined][] = []
  let streams = 0
  const implementation = implement(CameraGatewayService, {
    getIntake: () => Promise.reject(new PelletlineError('unimplemented', 'not needed here')),
    async *streamStrips(requests) {
      const isFirst = streams++ === 0
      for await (const { message } of requests) {
        if (message.case === 'open') {
          keeps.push(message.value.keepsStamps)
          yield { message: { case: 'opened', value: { nextStrip: message.value.firstStrip, credits: 3 } } }
        } else if (message.case === 'strip') {
          const { strip, stamp } = message.value
          received.push([strip, stamp?.threshold])
          const header = {
            key: { plant: 'plant-1', line: open.line, camera: open.camera, run: open.run, strip },
            width: open.width,
            threshold: 90 + Number(strip),
            medianAreaPx: 900,
            minAreaPx: 60,
            cropScale: 1,
            lot: 'lot-1',
          }
          yield { message: { case: 'stamp', value: { header } } }
          // The first gateway dies once it has stamped two strips and seen the third.
          if (isFirst && strip === 2n) throw unavailable()
          if (isFirst) continue
          const nextStrip = strip + 1n
          yield { message: { case: 'acknowledgement', value: { nextStrip, credits: 1, durableBelow: nextStrip } } }
        }
      }
    },
  })
  await sendStrips(createLocalClient(implementation), { open, strips: from(makeStrips(4)) })
  assert.deepEqual(keeps, [true, true])
  assert.deepEqual(received, [
    ...[0n, 1n, 2n].map((strip) => [strip, undefined]),
    ...[0n, 1n, 2n].map((strip) => [strip, 90 + Number(strip)]),
    [3n, undefined],
  ])
})

test('sendStrips resolves at the end of a source whose run goes on once all is durable', async () => {
  const { client } = createTestGateway({ lag: 2 })
  const progress = await sendStrips(client, { open, strips: from(makeStrips(5, false)) })
  assert.deepEqual(progress, { acknowledgedBelow: 3n, durableBelow: 5n })
})

test('sendStrips rejects with the error of a gateway that refuses', async () => {
  const error = new PelletlineError('invalid_argument', 'such a strip cannot be')
  const { client } = createTestGateway({ breakAt: [{ strips: 2, error }] })
  await assert.rejects(sendStrips(client, { open, strips: from(makeStrips(5)) }), /such a strip cannot be/)
})

test('sendStrips rejects with the error of a source that fails, and does not resume', async () => {
  const { client, openings } = createTestGateway()
  async function* failing() {
    yield* makeStrips(2, false)
    throw new PelletlineError('unavailable', 'the camera is unplugged')
  }
  await assert.rejects(sendStrips(client, { open, strips: failing() }), /the camera is unplugged/)
  assert.equal(openings.length, 1)
})

test('sendStrips refuses a source with gaps in its numbers', async () => {
  const { client } = createTestGateway()
  const gap = makeStrips(4).filter((strip) => strip.strip !== 2n)
  await assert.rejects(sendStrips(client, { open, strips: from(gap) }), /strip 3, but strip 2 is the next/)
})

test('sendStrips gives up with the last error when nothing has moved for long enough', async () => {
  let now = 0
  const clock: Clock = {
    now: () => now,
    nowNs: () => BigInt(now) * 1_000_000n,
    sleep: async () => {
      now += 1000
    },
  }
  const client = createLocalClient(
    implement(CameraGatewayService, {
      getIntake: () => Promise.reject(unavailable()),
      // biome-ignore lint/correctness/useYield: it fails before it has anything to say
      async *streamStrips() {
        throw unavailable()
      },
    }),
  )
  const sending = sendStrips(client, { open, strips: from(makeStrips(3)), giveUpAfterMs: 4500, clock })
  await assert.rejects(sending, { code: 'unavailable' })
  assert.equal(now, 5000)
})

/** A clock whose pauses take no time; the test sets it. */
function createStillClock() {
  const time = { ms: 0 }
  const clock: Clock = { now: () => time.ms, nowNs: () => BigInt(time.ms) * 1_000_000n, sleep: async () => {} }
  return { time, clock }
}

for (const [what, error] of [
  ['ended since a strip stood still on its way', new PelletlineError('deadline_exceeded', 'It stood still.')],
  ['is refused while its old one is still open', new PelletlineError('already_exists', '', { retryAfterMs: 1 })],
] as const)
  test(`sendStrips opens a stream again that ${what}, also before a stream was opened`, async () => {
    const { client, taken } = createTestGateway({ breakAt: [{ strips: 3, error }] })
    let opens = 0
    const refusing = {
      ...client,
      streamStrips: (...[requests, options]: Parameters<typeof client.streamStrips>) => {
        if (opens++ === 0) throw error
        return client.streamStrips(requests, options)
      },
    }
    await sendStrips(refusing, { open, strips: from(makeStrips(5)) })
    assert.equal(opens, 3)
    assert.equal(taken.length, 5)
  })

test('sendStrips waits no longer than giveUpAfterMs for its own stream to be over, and not at all for one of another run', async () => {
  const { time, clock } = createStillClock()
  const sendTo = async (error: PelletlineError) => {
    const client = createLocalClient(
      implement(CameraGatewayService, {
        getIntake: () => Promise.reject(unavailable()),
        // biome-ignore lint/correctness/useYield: it fails before it has anything to say
        async *streamStrips() {
          time.ms += 1000
          throw error
        },
      }),
    )
    await sendStrips(client, { open, strips: from(makeStrips(3)), giveUpAfterMs: 4500, clock })
  }
  const busy = new PelletlineError('already_exists', 'the line still has its stream', { retryAfterMs: 500 })
  await assert.rejects(sendTo(busy), { message: 'the line still has its stream' })
  assert.equal(time.ms, 6000)
  await assert.rejects(sendTo(new PelletlineError('already_exists', 'of another run')), { message: 'of another run' })
  assert.equal(time.ms, 7000)
})

/** A gateway whose first streams break once they were opened, or at their first strip, each after `afterMs`. */
function createBreakingGateway(breaks: number, afterMs: number, at: 'opening' | 'strip') {
  const { client, taken } = createTestGateway()
  const { time, clock } = createStillClock()
  let streams = 0
  const breaking = createLocalClient(
    implement(CameraGatewayService, {
      getIntake: () => Promise.reject(unavailable()),
      async *streamStrips(requests, { signal }) {
        if (++streams > breaks) return yield* client.streamStrips(requests, { signal })
        for await (const { message } of requests) {
          if (message.case === 'open') yield { message: { case: 'opened', value: { nextStrip: 0n, credits: 3 } } }
          if (message.case === 'open' && at === 'strip') continue
          time.ms += afterMs
          throw unavailable()
        }
      },
    }),
  )
  return { client: breaking, taken, clock }
}

test('sendStrips of a line that stands still does not give up, however far apart its gateway restarts', async () => {
  const { client, taken, clock } = createBreakingGateway(4, 100_000, 'opening')
  const begin = Promise.withResolvers<void>()
  async function* late() {
    await begin.promise
    yield* makeStrips(3)
  }
  let resumes = 0
  const onResume = () => {
    if (++resumes === 4) begin.resolve()
  }
  await sendStrips(client, { open, strips: late(), onResume, clock })
  assert.equal(taken.length, 3)
})

test('sendStrips gives up where every stream breaks that was opened, with strips that do not get through', async () => {
  const { client, clock } = createBreakingGateway(100, 25_000, 'strip')
  let resumes = 0
  const onResume = () => {
    resumes++
  }
  const sending = sendStrips(client, { open, strips: from(makeStrips(3)), onResume, clock })
  await assert.rejects(sending, { code: 'unavailable' })
  assert.equal(resumes, 3)
})

test('sendStrips stops at once when it is aborted, although the source waits', async () => {
  const { client } = createTestGateway()
  const abort = new AbortController()
  async function* waiting() {
    yield* makeStrips(2, false)
    abort.abort()
    await new Promise(() => {})
  }
  await assert.rejects(sendStrips(client, { open, strips: waiting(), signal: abort.signal }), { code: 'cancelled' })
})

test('sendStrips that is stopped while it waits says what was acknowledged and why the stream broke', async () => {
  const stop = async (strips: number) => {
    const { client } = createTestGateway({
      breakAt: [
        { strips, error: new PelletlineError('unavailable', 'nobody listens at gate:1.', { retryAfterMs: 60_000 }) },
      ],
    })
    const abort = new AbortController()
    await sendStrips(client, {
      open,
      strips: from(makeStrips(5)),
      signal: abort.signal,
      onResume: () => setImmediate(() => abort.abort(new PelletlineError('deadline_exceeded', 'Patience is over.'))),
    })
  }
  await assert.rejects(stop(1), {
    code: 'deadline_exceeded',
    message:
      'Patience is over. Of run run-1, nothing was acknowledged; the stream had broken before: nobody listens at gate:1.',
  })
  await assert.rejects(
    stop(3),
    /Patience is over\. Of run run-1, strips below 2 were acknowledged; the stream had broken/,
  )
})
