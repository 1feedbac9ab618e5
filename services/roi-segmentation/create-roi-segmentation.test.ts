import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { createTestRandom, cutRows, drawBelt } from '../../test/support/draw-belt.ts'
import { CropsMessageSchema } from '../gen/pelletline/events/v1/events_pb.ts'
import { Polarity } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type {
  SegmentationService,
  SegmentStripsRequestSchema,
  SegmentStripsResponse,
} from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import type { Bus, OutgoingMessage } from '../shared/bus/bus.ts'
import { headerNames, topics } from '../shared/bus/topics.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createBoundedQueue } from '../shared/queue/bounded-queue.ts'
import { createLocalClient } from '../shared/rpc/local-client.ts'
import type { ServiceClient } from '../shared/rpc/types.ts'
import { systemClock } from '../shared/service/clock.ts'
import { silentLogger } from '../shared/telemetry/logger.ts'
import { segmentationOptionsSchema } from './config.ts'
import { createRoiSegmentation, type RoiSegmentation } from './create-roi-segmentation.ts'

type Request = MessageInitShape<typeof SegmentStripsRequestSchema>
type Client = ServiceClient<typeof SegmentationService>

const services: RoiSegmentation[] = []
after(() => Promise.all(services.map((service) => service.drain(1000))))

/** A bus that only takes; `gate` holds what is published until it resolves. */
function createSink(gate?: Promise<void>) {
  const published: OutgoingMessage[] = []
  const { promise: publishing, resolve: begin } = Promise.withResolvers<void>()
  const bus: Bus = {
    async publish(topic, messages, signal) {
      assert.equal(topic, topics.crops.name)
      begin()
      await gate
      signal?.throwIfAborted()
      published.push(...messages)
    },
    subscribe: () => Promise.reject(new Error('nobody subscribes here')),
    lag: () => Promise.resolve({ messages: 0, fill: 0 }),
    close: () => Promise.resolve(),
  }
  return { bus, published, publishing }
}

function createService(bus: Bus, options: object = {}, workerUrl?: URL) {
  const service = createRoiSegmentation({
    bus,
    clock: systemClock,
    logger: silentLogger,
    options: segmentationOptionsSchema.parse({ workers: 1, ...options }),
    ...(workerUrl === undefined ? {} : { workerUrl }),
  })
  services.push(service)
  const client: Client = createLocalClient(service.implementations[0]!) as Client
  return { service, client }
}

/** Requests of a run of one belt. */
function makeRequests(seed: number, longest = 60): Request[] {
  const belt = drawBelt({ width: 128, rows: 400, pellets: 60, seed })
  let row = 0
  const cuts = cutRows(belt.rows, createTestRandom(seed), longest)
  return cuts.map((rows, strip) => {
    const firstRow = row
    row += rows
    return {
      header: {
        key: { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: 'run-1', strip: BigInt(strip) },
        firstRow: BigInt(firstRow),
        rows,
        width: belt.width,
        threshold: 90,
        medianAreaPx: 250,
        minAreaPx: 20,
        cropScale: 1,
        lot: 'lot-1',
        exposedUnixNs: 5n,
        runEnds: strip === cuts.length - 1,
      },
      pixels: belt.pixels.subarray(firstRow * belt.width, row * belt.width),
      receivedUnixNs: 6n,
    }
  })
}

/** Sends strips as credits allow; the first answer grants the first ones. */
async function sendAll(client: Client, strips: readonly Request[], onAnswer?: (answer: SegmentStripsResponse) => void) {
  const credits = createBoundedQueue<number>({ limit: 100 })
  credits.tryPush(1)
  async function* requests() {
    for (const strip of strips) {
      await credits.shift()
      yield strip
    }
  }
  const answers: SegmentStripsResponse[] = []
  for await (const answer of client.segmentStrips(requests())) {
    for (let i = 0; i < answer.credits; i++) credits.tryPush(1)
    answers.push(answer)
    onAnswer?.(answer)
  }
  return answers
}

/** Messages without the stage times, the one thing that differs between two segmentations. */
function withoutTimes(message: OutgoingMessage): string {
  const part = fromBinary(CropsMessageSchema, message.value)
  delete part.times
  return Buffer.from(toBinary(CropsMessageSchema, part)).toString('base64')
}

function withStrip(request: Request, change: object): Request {
  return { ...request, header: { ...request.header, ...change } as NonNullable<Request['header']> } as Request
}

test('SegmentStrips publishes every strip as parts with its header and stage times, and acknowledges all of them', async () => {
  const { bus, published } = createSink()
  const { client } = createService(bus)
  const strips = makeRequests(1)
  const answers = await sendAll(client, strips)
  assert.deepEqual(
    answers.map((answer) => answer.strip),
    strips.map((_, strip) => BigInt(strip)),
  )
  assert.equal(answers.at(-1)!.nextStrip, BigInt(strips.length))
  assert.ok(answers.some((answer) => answer.singleAreaPx.length > 0))
  const parts = published.map((message) => fromBinary(CropsMessageSchema, message.value))
  assert.deepEqual(
    parts.map((part) => part.header!.key!.strip),
    strips.map((_, strip) => BigInt(strip)),
  )
  assert.equal(published[3]!.key, 'line-1/camera-1/3')
  assert.equal(published[3]!.headers[headerNames.messageType], 'pelletline.events.v1.CropsMessage')
  assert.equal(published[3]!.headers[headerNames.lot], 'lot-1')
  const found = parts.reduce((sum, part) => sum + part.reconciliation!.found, 0n)
  assert.ok(found > 30n, `${found} found`)
  for (const { times } of parts) {
    assert.equal(times!.exposedUnixNs, 5n)
    assert.equal(times!.receivedUnixNs, 6n)
    assert.ok(times!.segmentationEndedUnixNs >= times!.segmentationBeganUnixNs)
  }
})

test('SegmentStrips resumed after a cut publishes the same messages as an undisturbed run', async () => {
  const strips = makeRequests(2)
  const whole = createSink()
  await sendAll(createService(whole.bus).client, strips)

  const cut = createSink()
  const { client } = createService(cut.bus)
  let next = 0n
  let answered = -1n
  await assert.rejects(
    sendAll(client, strips, (answer) => {
      next = answer.nextStrip
      answered = answer.strip
      if (answer.strip === 6n) throw new PelletlineError('unavailable', 'cut')
    }),
  )
  const rest = strips.slice(Number(next)).map((strip) => ({ ...strip, context: strip.header!.key!.strip! <= answered }))
  await sendAll(client, rest)
  const messages = new Map<string, string>()
  for (const message of cut.published) {
    const part = fromBinary(CropsMessageSchema, message.value)
    const name = `${part.header!.key!.strip}/${part.part}`
    const bytes = withoutTimes(message)
    assert.equal(messages.get(name) ?? bytes, bytes, `duplicate of ${name}`)
    messages.set(name, bytes)
  }
  assert.deepEqual([...messages.values()].sort(), whole.published.map(withoutTimes).sort())
})

test('SegmentStrips answers what came before a strip out of order, then refuses naming the strip expected', async () => {
  const { bus, published } = createSink()
  const { client } = createService(bus)
  const strips = makeRequests(3)
  await assert.rejects(sendAll(client, [strips[0]!, strips[1]!, strips[3]!]), (error: PelletlineError) => {
    assert.equal(error.code, 'failed_precondition')
    assert.match(error.message, /strip 2 is expected/)
    return true
  })
  assert.equal(published.length, 2)
})

test('SegmentStrips refuses wrong bytes, widths, rows, runs and context, each with what was expected', async () => {
  const { client } = createService(createSink().bus)
  const strips = makeRequests(4)
  const header = strips[1]!.header!
  const cases: [Request, string, RegExp][] = [
    [{ ...strips[1]!, pixels: new Uint8Array(5) }, 'invalid_argument', /has 5 bytes; \d+ rows of 128 pixels/],
    [
      { ...withStrip(strips[1]!, { width: 64, rows: header.rows! * 2 }) },
      'invalid_argument',
      /64 px wide; the run is 128/,
    ],
    [withStrip(strips[1]!, { firstRow: 9999n }), 'failed_precondition', /row \d+ is expected/],
    [withStrip(strips[1]!, { key: { ...header.key!, run: 'run-2' } }), 'failed_precondition', /another run/],
    [{ ...strips[1]!, context: true }, 'invalid_argument', /only the first strips/],
  ]
  for (const [strip, code, message] of cases) {
    await assert.rejects(sendAll(client, [strips[0]!, strip]), (error: PelletlineError) => {
      assert.equal(error.code, code)
      assert.match(error.message, message)
      if (code === 'invalid_argument') assert.equal(error.violations.length, 1)
      return true
    })
  }
})

test('SegmentStrips holds no more strips than its credits while the bus is full, and refuses the one beyond', async () => {
  const gate = Promise.withResolvers<void>()
  const { bus, published, publishing } = createSink(gate.promise)
  const { client } = createService(bus, { stripsInWork: 2 })
  const strips = makeRequests(5, 20)
  let sent = 0
  async function* greedy() {
    for (const strip of strips) {
      sent++
      yield strip
    }
  }
  const stream = (async () => {
    for await (const _ of client.segmentStrips(greedy())) {
      // Answers are not awaited by this sender.
    }
  })()
  await publishing
  assert.equal(published.length, 0)
  assert.ok(sent <= 2, `${sent} strips were taken`)
  gate.resolve()
  await assert.rejects(stream, { code: 'resource_exhausted' })
})

test('SegmentStrips ends with unavailable when its worker dies, and a resumed stream gets a new worker', async () => {
  const { bus } = createSink()
  const dying = new URL(
    `data:text/javascript,import{parentPort}from'node:worker_threads';parentPort.on('message',(m)=>{if(m.kind==='segment')process.exit(3)})`,
  )
  const { client } = createService(bus, {}, dying)
  for (let i = 0; i < 2; i++) {
    await assert.rejects(sendAll(client, makeRequests(6)), (error: PelletlineError) => {
      assert.equal(error.code, 'unavailable')
      assert.equal(error.retryable, true)
      return true
    })
  }
})

test('SegmentStrips refuses a run beyond maxRuns and takes one again when another has ended', async () => {
  const { client } = createService(createSink().bus, { maxRuns: 1 })
  const strips = makeRequests(7)
  const opened = Promise.withResolvers<void>()
  const done = Promise.withResolvers<void>()
  async function* slow() {
    yield strips[0]!
    await done.promise
  }
  const first = (async () => {
    for await (const _ of client.segmentStrips(slow())) opened.resolve()
  })()
  await opened.promise
  await assert.rejects(sendAll(client, strips), { code: 'resource_exhausted' })
  done.resolve()
  await first
  assert.equal((await sendAll(client, strips)).length, strips.length)
})

test('drain answers the strips in work and ends the stream with unavailable', async () => {
  const gate = Promise.withResolvers<void>()
  const { bus, published, publishing } = createSink(gate.promise)
  const { client, service } = createService(bus)
  const strips = makeRequests(8)
  const answers: bigint[] = []
  const stream = (async () => {
    async function* requests() {
      yield strips[0]!
      await new Promise(() => {})
    }
    for await (const answer of client.segmentStrips(requests())) answers.push(answer.strip)
  })()
  const ended = assert.rejects(stream, { code: 'unavailable' })
  await publishing
  const drained = service.drain(5000)
  gate.resolve()
  await ended
  await drained
  assert.deepEqual(answers, [0n])
  assert.equal(published.length, 1)
  await assert.rejects(sendAll(client, strips), { code: 'unavailable' })
})

test('SegmentImage finds the pellets of a raw gray image and returns crops and outlines when asked', async () => {
  const { client } = createService(createSink().bus)
  const { pixels, width, rows } = drawBelt({ width: 300, rows: 200, pellets: 25, seed: 9, radiusPx: 10 })
  const gray = { width, height: rows, pixels }
  const bare = await client.segmentImage({ image: { case: 'gray', value: gray } })
  const count = bare.pellets!.x.length
  assert.ok(count > 15, `${count} pellets`)
  assert.equal(bare.polarity, Polarity.LIGHT_ON_DARK)
  assert.equal(bare.crops.length, 0)
  assert.equal(bare.reconciliation!.found, BigInt(count))
  const full = await client.segmentImage({
    image: { case: 'gray', value: gray },
    returnCrops: true,
    returnOutlines: true,
  })
  assert.equal(full.outlines.length, count)
  assert.equal(full.crops.length, full.pellets!.notJudged.filter((reason) => reason === 0).length * 2500)

  const inverted = pixels.map((gray) => 255 - gray)
  const dark = await client.segmentImage({
    image: { case: 'gray', value: { width, height: rows, pixels: inverted } },
    polarity: Polarity.DARK_ON_LIGHT,
    threshold: bare.threshold,
  })
  assert.equal(dark.pellets!.x.length, count)
  assert.equal(dark.polarity, Polarity.DARK_ON_LIGHT)
  assert.equal(dark.threshold, bare.threshold)
})

test('SegmentImage answers an image without a pellet with zero pellets', async () => {
  const { client } = createService(createSink().bus)
  const empty = { width: 64, height: 64, pixels: new Uint8Array(4096).fill(20) }
  const answer = await client.segmentImage({ image: { case: 'gray', value: empty } })
  assert.equal(answer.pellets!.x.length, 0)
  assert.equal(answer.reconciliation!.found, 0n)
})

test('SegmentImage takes no more images than maxImages', async () => {
  const { client } = createService(createSink().bus, { maxImages: 1 })
  const gray = { width: 64, height: 64, pixels: new Uint8Array(4096).fill(20) }
  const first = client.segmentImage({ image: { case: 'gray', value: gray } })
  await assert.rejects(client.segmentImage({ image: { case: 'gray', value: gray } }), { code: 'resource_exhausted' })
  await first
  await client.segmentImage({ image: { case: 'gray', value: gray } })
})

test('SegmentImage says what is wrong with a bad image', async () => {
  const { client } = createService(createSink().bus, { maxImagePixels: 10_000 })
  const gray = (width: number, height: number, bytes: number) =>
    ({ case: 'gray', value: { width, height, pixels: new Uint8Array(bytes) } }) as const
  const encoded = (text: string) => ({ case: 'encoded', value: Buffer.from(text, 'latin1') }) as const
  // A PNG of one gray pixel with the header of one of 30,000 x 30,000.
  const bomb = Buffer.from('89504e470d0a1a0a0000000d49484452000075300000753008000000009f3cd7cf', 'hex')
  const cases = [
    [gray(10, 10, 7), /gray\.pixels: 7 bytes are given; 10 rows of 10 pixels are 100/],
    [gray(200, 100, 20_000), /20000 pixels, the limit is 10000/],
    [encoded('this is no image'), /encoded: the image/],
    [{ case: 'encoded', value: bomb } as const, /encoded: /],
  ] as const
  for (const [image, message] of cases) {
    await assert.rejects(client.segmentImage({ image }), (error: PelletlineError) => {
      assert.equal(error.code, 'invalid_argument')
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /tmp/)
      return true
    })
  }
  await assert.rejects(client.segmentImage({ image: gray(10, 10, 100), threshold: 90 }), /give the polarity/)
})
