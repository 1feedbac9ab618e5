import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { type Belt, drawBelt } from '../../test/support/draw-belt.ts'
import { createTestRegistry, testRecipe } from '../../test/support/line-registry.ts'
import { openingOf, stripsOf } from '../../test/support/line-source.ts'
import { createTestSegmentation } from '../../test/support/test-segmentation.ts'
import {
  type CameraGatewayService,
  type OpenIntakeSchema,
  PixelFormat,
  type StreamStripsRequestSchema,
  type StreamStripsResponse,
} from '../gen/pelletline/camera/v1/camera_pb.ts'
import type { StripToSend } from '../shared/camera/send-strips.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createBoundedQueue } from '../shared/queue/bounded-queue.ts'
import { createLocalClient } from '../shared/rpc/local-client.ts'
import type { ServiceClient } from '../shared/rpc/types.ts'
import { systemClock } from '../shared/service/clock.ts'
import { silentLogger } from '../shared/telemetry/logger.ts'
import { cameraGatewayOptionsSchema } from './config.ts'
import { type CameraGateway, createCameraGateway } from './create-camera-gateway.ts'

const gateways: CameraGateway[] = []
after(() => Promise.all(gateways.map((gateway) => gateway.drain(0))))

const belt = drawBelt({ width: 64, rows: 200, pellets: 12, seed: 2 })
const strips = stripsOf(belt, Array<number>(20).fill(10), false)

function start({
  lag = 0,
  assigned = true,
  options = {},
}: {
  lag?: number
  assigned?: boolean
  options?: object
} = {}) {
  const registry = createTestRegistry()
  const segmentation = createTestSegmentation({ lag })
  if (assigned) registry.assign('lot-1')
  const gateway = createCameraGateway({
    plant: 'plant-1',
    registry: createLocalClient(registry.implementation),
    segmentation: createLocalClient(segmentation.implementation),
    clock: systemClock,
    logger: silentLogger,
    options: cameraGatewayOptionsSchema.parse({ creditLimit: 4, retryFirstMs: 1, retryMaxMs: 4, ...options }),
  })
  gateways.push(gateway)
  const client = createLocalClient(gateway.implementations[0]!) as ServiceClient<typeof CameraGatewayService>
  return { registry, segmentation, gateway, client }
}

type Client = ServiceClient<typeof CameraGatewayService>

/** A stream that the test drives message by message. */
function openStream(client: Client, opening?: MessageInitShape<typeof OpenIntakeSchema>) {
  const requests = createBoundedQueue<MessageInitShape<typeof StreamStripsRequestSchema>>({ limit: 1000 })
  const cancel = new AbortController()
  const responses = client.streamStrips(requests, { signal: cancel.signal })[Symbol.asyncIterator]()
  if (opening !== undefined) requests.tryPush({ message: { case: 'open', value: opening } })
  const next = async (): Promise<StreamStripsResponse['message'] | undefined> => {
    const result = await responses.next()
    return result.done ? undefined : result.value.message
  }
  return {
    next,
    send: (...sent: StripToSend[]) => {
      for (const strip of sent) requests.tryPush({ message: { case: 'strip', value: strip } })
    },
    sendRaw: (request: MessageInitShape<typeof StreamStripsRequestSchema>) => requests.tryPush(request),
    end: () => requests.close(),
    cancel: () => cancel.abort(),
    async opened() {
      const message = await next()
      assert.equal(message?.case, 'opened')
      return message!.value as { nextStrip: bigint; credits: number }
    },
    /** Reads until strips below `number` are acknowledged; sums the credits. */
    async acknowledged(number: number) {
      let credits = 0
      for (;;) {
        const message = await next()
        if (message?.case !== 'acknowledgement') assert.fail(`${message?.case} instead of an acknowledgement`)
        credits += message.value.credits
        if (message.value.nextStrip >= BigInt(number)) return { ...message.value, credits }
      }
    },
    /** Reads to the end, which must be an error of this code; returns it. */
    async refused(code: string): Promise<PelletlineError> {
      try {
        while ((await next()) !== undefined) {
          // What was acknowledged before the error is of no interest.
        }
      } catch (reason) {
        const error = reason as PelletlineError
        assert.equal(error.code, code, error.message)
        return error
      }
      return assert.fail('the stream ended well')
    },
  }
}

/** Resolves once so many strips of line-1 are in flight. */
async function inFlight(gateway: CameraGateway, count: number): Promise<void> {
  while (gateway.snapshot('line-1')?.stripsInFlight !== count) await systemClock.sleep(1)
}

test('a run is opened with its first strip and all credits, and every strip is acknowledged and gives its credit back', async () => {
  const { client } = start()
  const stream = openStream(client, openingOf(belt))
  assert.deepEqual(
    { ...(await stream.opened()), $typeName: undefined },
    { $typeName: undefined, nextStrip: 0n, credits: 4 },
  )
  stream.send(...strips.slice(0, 3))
  const { nextStrip, durableBelow, credits } = await stream.acknowledged(3)
  assert.deepEqual([nextStrip, durableBelow, credits], [3n, 3n, 3])
  stream.end()
  assert.equal(await stream.next(), undefined)
})

test('a strip without a credit is refused with resource_exhausted, and what came before it stays', async () => {
  const { client, segmentation, gateway } = start()
  segmentation.answer(0)
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  stream.send(...strips.slice(0, 5))
  const error = await stream.refused('resource_exhausted')
  assert.match(error.message, /Strip 4 .* without a credit/)
  assert.equal(gateway.snapshot('line-1')!.stripsInFlight, 4)
  const again = openStream(client, openingOf(belt))
  const opened = await again.opened()
  assert.deepEqual([opened.nextStrip, opened.credits], [4n, 0])
  segmentation.answer(Number.POSITIVE_INFINITY)
  assert.equal((await again.acknowledged(4)).credits, 4)
})

test('a credit comes back when its strip is durable, although an open pellet still needs the strip', async () => {
  const { client } = start({ lag: 50 })
  const stream = openStream(client, openingOf(belt))
  let { credits } = await stream.opened()
  for (const strip of strips) {
    while (credits === 0) {
      const message = await stream.next()
      assert.equal(message?.case, 'acknowledgement')
      const value = message!.value as { nextStrip: bigint; credits: number }
      assert.equal(value.nextStrip, 0n)
      credits += value.credits
    }
    credits--
    stream.send(strip)
  }
  stream.end()
  let last: StreamStripsResponse['message'] | undefined
  for (let message = await stream.next(); message !== undefined; message = await stream.next()) last = message
  assert.equal((last!.value as { durableBelow: bigint }).durableBelow, 20n)
})

test('the first message has to open the stream, and only that one', async () => {
  const { client } = start()
  const early = openStream(client)
  early.send(strips[0]!)
  assert.match((await early.refused('invalid_argument')).message, /send `open`/)
  const twice = openStream(client, openingOf(belt))
  twice.sendRaw({ message: { case: 'open', value: openingOf(belt) } })
  assert.match((await twice.refused('invalid_argument')).message, /opened once/)
  const silent = openStream(client)
  silent.end()
  assert.match((await silent.refused('invalid_argument')).message, /without a message/)
})

test('strips out of order, of a wrong width or with rows that do not follow are refused with what was expected', async () => {
  const { client, gateway } = start()
  const cases: [StripToSend, string, RegExp, string?][] = [
    [{ ...strips[2]! }, 'failed_precondition', /strip 1 is expected/],
    [
      { ...strips[1]!, pixels: new Uint8Array(630) },
      'invalid_argument',
      /630 bytes; 10 rows of 64 pixels.* are 640/,
      'strip.pixels',
    ],
    [{ ...strips[1]!, firstRow: 11n }, 'invalid_argument', /has to begin at 10/, 'strip.first_row'],
    [{ ...strips[1]!, rowsLostBefore: 7n }, 'invalid_argument', /has to begin at 17/, 'strip.first_row'],
  ]
  for (const [strip, code, message, field] of cases) {
    const stream = openStream(client, openingOf(belt))
    const { nextStrip } = await stream.opened()
    if (nextStrip === 0n) stream.send(strips[0]!)
    stream.send(strip)
    const error = await stream.refused(code)
    assert.match(error.message, message)
    assert.deepEqual(
      error.violations.map((violation) => violation.field),
      field === undefined ? [] : [field],
    )
  }
  assert.equal(gateway.snapshot('line-1')!.strips, 1)
  const last = openStream(client, openingOf(belt))
  await last.opened()
  last.send({ ...strips[1]!, runEnds: true }, strips[2]!)
  assert.match((await last.refused('failed_precondition')).message, /after the run's last strip, 1/)
})

test('lost rows are taken when the row numbers agree, and counted', async () => {
  const { client, segmentation, gateway } = start()
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  stream.send(strips[0]!, { ...strips[1]!, firstRow: 15n, rowsLostBefore: 5n })
  await stream.acknowledged(2)
  assert.equal(segmentation.seen[1]!.request.header!.rowsLostBefore, 5n)
  assert.equal(gateway.snapshot('line-1')!.rowsLost, 5)
  assert.equal(gateway.snapshot('line-1')!.rowsAcquired, 20)
})

test('a second stream of a line is refused with already_exists until the first has gone', async () => {
  const { client } = start()
  const first = openStream(client, openingOf(belt))
  await first.opened()
  const second = openStream(client, openingOf(belt, { run: 'run-2' }))
  assert.match((await second.refused('already_exists')).message, /line-1 has an open stream, run run-1/)
  const other = openStream(client, openingOf(belt, { line: 'line-2' }))
  await other.opened()
  first.cancel()
  await first.refused('cancelled')
  await openStream(client, openingOf(belt, { run: 'run-2' })).opened()
})

test('a repeated strip is acknowledged again and not counted again', async () => {
  const { client, segmentation, gateway } = start()
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  stream.send(strips[0]!, strips[1]!)
  await stream.acknowledged(2)
  stream.send(strips[0]!)
  const again = await stream.next()
  assert.equal(again?.case, 'acknowledgement')
  assert.deepEqual(
    [(again!.value as { nextStrip: bigint }).nextStrip, (again!.value as { credits: number }).credits],
    [2n, 1],
  )
  assert.equal(gateway.snapshot('line-1')!.strips, 2)
  assert.deepEqual(segmentation.strips('run-1'), [0, 1])
})

test('a stream cut in the middle resumes at the strip after those that the gateway has', async () => {
  const { client, segmentation } = start()
  segmentation.answer(1)
  const cut = openStream(client, openingOf(belt))
  await cut.opened()
  cut.send(...strips.slice(0, 3))
  await cut.acknowledged(1)
  await segmentation.until((seen) => seen.length === 2)
  cut.cancel()
  await cut.refused('cancelled')
  segmentation.answer(Number.POSITIVE_INFINITY)
  const resumed = openStream(client, openingOf(belt))
  const { nextStrip } = await resumed.opened()
  assert.equal(nextStrip, 3n)
  resumed.send({ ...strips[3]!, runEnds: true })
  await resumed.acknowledged(4)
  assert.deepEqual(segmentation.strips('run-1'), [0, 1, 2, 3])
})

test('a run cannot be resumed with another width or polarity', async () => {
  const { client } = start()
  const first = openStream(client, openingOf(belt))
  await first.opened()
  first.end()
  await first.next()
  const other = openStream(client, openingOf(belt, { width: 128, pixelFormat: PixelFormat.MONO12 }))
  const error = await other.refused('invalid_argument')
  assert.deepEqual(
    error.violations.map(({ field }) => field),
    ['open.width', 'open.pixel_format'],
  )
})

test('a new run ends the run before it by a strip without rows, whose name is then refused', async () => {
  const { client, segmentation, registry } = start({ lag: 1 })
  const old = openStream(client, openingOf(belt))
  await old.opened()
  old.send(strips[0]!, strips[1]!)
  await old.acknowledged(1)
  old.cancel()
  await old.refused('cancelled')
  const next = openStream(client, openingOf(belt, { run: 'run-2' }))
  assert.equal((await next.opened()).nextStrip, 0n)
  await segmentation.until(() => segmentation.strips('run-1').length === 3)
  const { header, pixels } = segmentation.seen.at(-1)!.request
  assert.deepEqual([header!.key!.strip, header!.firstRow, header!.rows, header!.runEnds], [2n, 20n, 0, true])
  assert.equal(pixels.length, 0)
  next.send(strips[0]!)
  await segmentation.until(() => segmentation.strips('run-2').length === 1)
  assert.deepEqual(await registry.reported(1), [{ run: 'run-1', strip: 0n, strips: 3n, lot: 'lot-1' }])
  next.cancel()
  await next.refused('cancelled')
  const stale = openStream(client, openingOf(belt))
  assert.match((await stale.refused('failed_precondition')).message, /ended when another run began/)
})

test('a gateway that does not know a run goes on at the strip that the camera side names, context uncounted', async () => {
  const { client, segmentation, gateway, registry } = start()
  const stream = openStream(client, openingOf(belt, { firstStrip: 3n, durableBelow: 5n }))
  assert.equal((await stream.opened()).nextStrip, 3n)
  stream.send(...strips.slice(3, 6), { ...strips[6]!, runEnds: true })
  await stream.acknowledged(7)
  assert.deepEqual(
    segmentation.seen.map((seen) => [seen.strip, seen.request.context]),
    [
      [3, true],
      [4, true],
      [5, false],
      [6, false],
    ],
  )
  assert.equal(gateway.snapshot('line-1')!.strips, 2)
  assert.deepEqual(await registry.reported(1), [{ run: 'run-1', strip: 5n, strips: 2n, lot: 'lot-1' }])
})

test('strips wait for the first assignment of their line', async () => {
  const { client, segmentation, registry, gateway } = start({ assigned: false })
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  stream.send(strips[0]!, strips[1]!)
  await inFlight(gateway, 1)
  assert.equal(segmentation.seen.length, 0)
  registry.assign('lot-9')
  await stream.acknowledged(2)
  assert.equal(segmentation.seen[0]!.request.header!.lot, 'lot-9')
})

test('a change of lot and recipe takes effect at the next strip, and each lot segment is reported once it has ended', async () => {
  const { client, segmentation, registry, gateway } = start()
  registry.refuse(2)
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  stream.send(strips[0]!, strips[1]!)
  await stream.acknowledged(2)
  registry.assign('lot-2', { ...testRecipe, version: 4, minAreaPx: 44, cropScale: 0.5, nominalAreaPx: 600 })
  assert.deepEqual(await registry.reported(1), [{ run: 'run-1', strip: 0n, strips: 2n, lot: 'lot-1' }])
  assert.equal(gateway.snapshot('line-1')!.lot, 'lot-2')
  stream.send(strips[2]!, { ...strips[3]!, runEnds: true })
  await stream.acknowledged(4)
  const header = segmentation.seen[2]!.request.header!
  assert.deepEqual(
    [header.lot, header.recipeVersion, header.minAreaPx, header.cropScale, header.medianAreaPx],
    ['lot-2', 4, 44, 0.5, 600],
  )
  assert.deepEqual((await registry.reported(2))[1], { run: 'run-1', strip: 2n, strips: 2n, lot: 'lot-2' })
})

test('the median area follows the areas that segmentation answers', async () => {
  const { client, segmentation } = start({ options: { areaMinSamples: 4 } })
  segmentation.setAreas([300, 320, 310])
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  for (const strip of strips.slice(0, 4)) {
    stream.send(strip)
    await stream.acknowledged(Number(strip.strip) + 1)
  }
  const medians = segmentation.seen.map((seen) => seen.request.header!.medianAreaPx)
  assert.deepEqual(medians, [250, 250, 310, 310])
  assert.equal((await client.getIntake({ line: 'line-1' })).medianAreaPx, 310)
})

test('a broken stream to segmentation is resumed from the first unacknowledged strip with the same headers', async () => {
  const { client, segmentation } = start({ lag: 2 })
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  stream.send(...strips.slice(0, 4))
  await stream.acknowledged(2)
  segmentation.fail(new PelletlineError('unavailable', 'segmentation restarts'))
  stream.send({ ...strips[4]!, runEnds: true })
  await stream.acknowledged(5)
  const streams = [0, 1].map((number) => segmentation.seen.filter((seen) => seen.stream === number))
  assert.deepEqual(
    streams[1]!.map((seen) => [seen.strip, seen.request.context]),
    [
      [2, true],
      [3, true],
      [4, false],
    ],
  )
  for (const again of streams[1]!) {
    const before = streams[0]!.find((seen) => seen.strip === again.strip)!
    assert.deepEqual(again.request.header, before.request.header)
    assert.deepEqual(again.request.pixels, before.request.pixels)
  }
})

test('a run that segmentation refuses is given up with the reason, and a new run can be opened', async () => {
  const { client, segmentation, registry } = start()
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  segmentation.fail(new PelletlineError('invalid_argument', 'such a strip cannot be'))
  stream.send(strips[0]!)
  assert.match((await stream.refused('invalid_argument')).message, /such a strip cannot be/)
  assert.deepEqual(await registry.reported(1), [{ run: 'run-1', strip: 0n, strips: 1n, lot: 'lot-1' }])
  const again = openStream(client, openingOf(belt))
  assert.match((await again.refused('failed_precondition')).message, /such a strip cannot be.*new name/)
  const fresh = openStream(client, openingOf(belt, { run: 'run-2' }))
  await fresh.opened()
  fresh.send(strips[0]!)
  await fresh.acknowledged(1)
})

test('a gateway takes no more lines than maxLines', async () => {
  const { client } = start({ options: { maxLines: 1 } })
  await openStream(client, openingOf(belt)).opened()
  const error = await openStream(client, openingOf(belt, { line: 'line-2' })).refused('resource_exhausted')
  assert.match(error.message, /line-2 .* 1 lines/)
})

test('GetIntake answers the counters of a line, and not_found with the lines there are', async () => {
  const { client, gateway } = start()
  assert.equal(gateway.snapshot('line-1'), undefined)
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  stream.send(strips[0]!)
  await stream.acknowledged(1)
  const intake = await client.getIntake({ line: 'line-1' })
  assert.deepEqual(
    [intake.run, intake.strips, intake.rowsAcquired, intake.creditLimit, intake.lot, intake.stripsInFlight],
    ['run-1', 1n, 10n, 4, 'lot-1', 0],
  )
  assert.ok(intake.threshold > intake.bedLevel)
  await assert.rejects(client.getIntake({ line: 'line-7' }), (error: PelletlineError) => {
    assert.equal(error.code, 'not_found')
    assert.match(error.message, /line-7.*line-1/)
    return true
  })
})

test('drain acknowledges what is in flight, ends the stream with unavailable and reports what is durable', async () => {
  const { client, segmentation, gateway, registry } = start()
  segmentation.answer(0)
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  stream.send(strips[0]!, strips[1]!)
  await inFlight(gateway, 2)
  const drained = gateway.drain(5000)
  segmentation.answer(Number.POSITIVE_INFINITY)
  assert.equal((await stream.acknowledged(2)).durableBelow, 2n)
  assert.match((await stream.refused('unavailable')).message, /resume the run/)
  await drained
  assert.deepEqual(registry.reports, [{ run: 'run-1', strip: 0n, strips: 2n, lot: 'lot-1' }])
  const late = openStream(client, openingOf(belt))
  await late.refused('unavailable')
})

test('pixels reach segmentation as 8 bit in bright polarity', async () => {
  const { client, segmentation } = start()
  const dark: Belt = { ...belt, pixels: belt.pixels.map((gray) => 255 - gray) }
  const stream = openStream(client, openingOf(belt, { polarity: 2 }))
  await stream.opened()
  stream.send({ ...stripsOf(dark, [200])[0]! })
  await stream.acknowledged(1)
  assert.deepEqual(Array.from(segmentation.seen[0]!.request.pixels), Array.from(belt.pixels))
})
