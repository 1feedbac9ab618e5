import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openStream, startGateway, stopGateways } from '../../test/support/camera-stream.ts'
import { drawBelt } from '../../test/support/draw-belt.ts'
import { openingOf, stripsOf } from '../../test/support/line-source.ts'
import type { StripHeader } from '../gen/pelletline/inspection/v1/inspection_pb.ts'

after(stopGateways)

const belt = drawBelt({ width: 64, rows: 200, pellets: 12, seed: 2 })
const strips = stripsOf(belt, Array<number>(20).fill(10), false)
const keeping = openingOf(belt, { keepsStamps: true })
/** The same strips in much brighter light: who sees these first has another threshold. */
const bright = strips.map((strip) => ({ ...strip, pixels: strip.pixels!.map((gray) => Math.min(255, gray + 60)) }))

type Stream = ReturnType<typeof openStream>

/** Reads stamps until there are so many, passing over acknowledgements. */
async function stampsOf(stream: Stream, count: number): Promise<StripHeader[]> {
  const stamps: StripHeader[] = []
  while (stamps.length < count) {
    const message = await stream.next()
    if (message?.case === 'stamp') stamps.push(message.value.header!)
    else assert.equal(message?.case, 'acknowledgement')
  }
  return stamps
}

/** Lets whatever is ready in this process run. */
async function letRun(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((done) => setImmediate(done))
}

/** Sends a strip and goes away before its stamp is read. */
async function sendUntold(client: Parameters<typeof openStream>[0]): Promise<void> {
  const stream = openStream(client, keeping)
  await stream.opened()
  stream.send(strips[0]!)
  await letRun()
  stream.cancel()
  await stream.refused('cancelled')
}

/** A gateway that took two strips of ordinary light and one of bright light, and what it stamped on them. */
async function stampThree() {
  const { client, segmentation, registry } = startGateway()
  const stream = openStream(client, keeping)
  await stream.opened()
  const sent = [strips[0]!, strips[1]!, bright[2]!]
  stream.send(...sent)
  const stamps = await stampsOf(stream, 3)
  await stream.acknowledged(3)
  return { client, segmentation, registry, stream, sent, stamps }
}

test('a camera side that keeps stamps is told those by which its strips are segmented', async () => {
  const { segmentation, stamps } = await stampThree()
  assert.deepEqual(
    stamps,
    segmentation.seen.map(({ request }) => request.header),
  )
})

test('segmentation has no strip whose stamp the camera side has not been told', async () => {
  const { client, segmentation } = startGateway()
  const stream = openStream(client, keeping)
  await stream.opened()
  stream.send(strips[0]!, strips[1]!)
  await letRun()
  assert.deepEqual(segmentation.strips('run-1'), [])
  // In this process a message counts as told once the next one is asked for.
  await stampsOf(stream, 2)
  await stream.acknowledged(2)
  assert.deepEqual(segmentation.strips('run-1'), [0, 1])
})

test('a strip that waits for its stamp to be told is segmented when the camera side stays away', async () => {
  const { client, segmentation } = startGateway({ options: { untoldWaitMs: 20 } })
  await sendUntold(client)
  await segmentation.until((seen) => seen.length === 1)
})

test('a strip whose stamp was not told waits for the camera side to come back, and never goes out in a drain', async () => {
  const { client, segmentation, gateway } = startGateway()
  await sendUntold(client)
  await letRun()
  await gateway.drain(20)
  assert.deepEqual(segmentation.strips('run-1'), [])
})

test('a camera side that comes back is told the stamps of the strips that it still has', async () => {
  const { client, segmentation } = startGateway({ lag: 2 })
  const stream = openStream(client, keeping)
  await stream.opened()
  stream.send(...strips.slice(0, 3))
  const stamps = await stampsOf(stream, 3)
  await stream.acknowledged(1)
  stream.cancel()
  await stream.refused('cancelled')
  const again = openStream(client, openingOf(belt, { keepsStamps: true, firstStrip: 1n, durableBelow: 3n }))
  assert.equal((await again.opened()).nextStrip, 3n)
  assert.deepEqual(await stampsOf(again, 2), stamps.slice(1))
  assert.deepEqual(segmentation.strips('run-1'), [0, 1, 2])
})

test('a gateway that is started anew segments by the stamps that come with the strips, whatever it sees itself', async () => {
  const { stamps, sent } = await stampThree()
  const resumed = openingOf(belt, { keepsStamps: true, firstStrip: 2n })
  const headerOf = async (stamp: StripHeader | undefined) => {
    const { client, segmentation, registry } = startGateway()
    registry.assign('lot-2')
    const stream = openStream(client, resumed)
    await stream.opened()
    stream.send({ ...sent[2]!, ...(stamp !== undefined && { stamp }) })
    await stampsOf(stream, 1)
    await stream.acknowledged(3)
    return segmentation.seen[0]!.request.header!
  }
  assert.deepEqual(await headerOf(stamps[2]), stamps[2])
  // Without its stamp the strip would be cut at another gray level, and booked to another lot.
  const fresh = await headerOf(undefined)
  assert.notEqual(fresh.threshold, stamps[2]!.threshold)
  assert.deepEqual([fresh.lot, stamps[2]!.lot], ['lot-2', 'lot-1'])
})

test('a strip whose stamp is of a lot that has ended meanwhile is reported to that lot at once', async () => {
  const { stamps, sent } = await stampThree()
  const { client, registry } = startGateway()
  registry.assign('lot-2')
  const stream = openStream(client, openingOf(belt, { keepsStamps: true, firstStrip: 2n, durableBelow: 2n }))
  await stream.opened()
  stream.send({ ...sent[2]!, stamp: stamps[2]! })
  await stampsOf(stream, 1)
  await stream.acknowledged(3)
  // The first one says that the run was taken up.
  assert.deepEqual(await registry.reported(2), [
    { run: 'run-1', strip: 2n, strips: 0n, lot: 'lot-1' },
    { run: 'run-1', strip: 2n, strips: 1n, lot: 'lot-1' },
  ])
})

test('a stamp of another strip is refused, each difference by name', async () => {
  const { stamps, sent } = await stampThree()
  const { client } = startGateway()
  const stream = openStream(client, openingOf(belt, { keepsStamps: true, firstStrip: 2n }))
  await stream.opened()
  stream.send({ ...sent[2]!, stamp: stamps[1]! })
  const { message, violations } = await stream.refused('invalid_argument')
  assert.match(message, /stamp of strip 2 of run run-1 on line line-1 says 1, the strip 2; send the stamp/)
  assert.deepEqual(
    violations.map(({ field }) => field),
    ['strip.stamp.key.strip', 'strip.stamp.first_row'],
  )
})

test('a camera side that does not say that it keeps stamps gets none', async () => {
  const { client } = startGateway()
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  stream.send(strips[0]!, strips[1]!)
  // Fails at any message but an acknowledgement.
  await stream.acknowledged(2)
})
