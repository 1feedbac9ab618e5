import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { inFlight, openStream, startGateway, stopGateways } from '../../test/support/camera-stream.ts'
import { type Belt, drawBelt } from '../../test/support/draw-belt.ts'
import { testRecipe } from '../../test/support/line-registry.ts'
import { openingOf, stripsOf } from '../../test/support/line-source.ts'
import { PixelFormat } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { systemClock } from '../shared/service/clock.ts'

after(stopGateways)

const belt = drawBelt({ width: 64, rows: 200, pellets: 12, seed: 2 })
const strips = stripsOf(belt, Array<number>(20).fill(10), false)

test('a stream cut in the middle resumes at the strip after those that the gateway has', async () => {
  const { client, segmentation, gateway } = startGateway()
  segmentation.answer(1)
  const cut = openStream(client, openingOf(belt))
  await cut.opened()
  cut.send(...strips.slice(0, 3))
  await cut.acknowledged(1)
  while (gateway.snapshot('line-1')!.strips < 3) await systemClock.sleep(1)
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
  const { client } = startGateway()
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
  const { client, segmentation, registry } = startGateway({ lag: 1 })
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
  const { client, segmentation, gateway, registry } = startGateway()
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
  // That the run was taken up is told at once, by a segment without strips.
  assert.deepEqual(await registry.reported(2), [
    { run: 'run-1', strip: 3n, strips: 0n, lot: 'lot-1' },
    { run: 'run-1', strip: 5n, strips: 2n, lot: 'lot-1' },
  ])
})

test('strips wait for the first assignment of their line', async () => {
  const { client, segmentation, registry, gateway } = startGateway({ assigned: false })
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
  const { client, segmentation, registry, gateway } = startGateway()
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
  const { client, segmentation } = startGateway({ options: { areaMinSamples: 4 } })
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
  const { client, segmentation } = startGateway({ lag: 2 })
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
  const { client, segmentation, registry } = startGateway()
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
  const { client } = startGateway({ options: { maxLines: 1 } })
  await openStream(client, openingOf(belt)).opened()
  const error = await openStream(client, openingOf(belt, { line: 'line-2' })).refused('resource_exhausted')
  assert.match(error.message, /line-2 .* 1 lines/)
})

test('GetIntake answers the counters of a line, and not_found with the lines there are', async () => {
  const { client, gateway } = startGateway()
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
  const { client, segmentation, gateway, registry } = startGateway()
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

test('drain ends in its time with the registry away and as many lot segments unreported as may wait', async () => {
  const { client, gateway, registry } = startGateway()
  registry.refuse(Number.POSITIVE_INFINITY)
  for (let run = 0; run <= 257; run++) {
    const stream = openStream(client, openingOf(belt, { run: `run-${run}` }))
    await stream.opened()
    stream.send({ ...strips[0]!, runEnds: run < 257 })
    await stream.acknowledged(1)
    stream.end()
    while ((await stream.next()) !== undefined) {
      // Its last acknowledgements are of no interest.
    }
  }
  const began = performance.now()
  await gateway.drain(1000)
  const took = performance.now() - began
  assert.ok(took < 10_000, `${took} ms`)
  assert.deepEqual(registry.reports, [])
})

test('pixels reach segmentation as 8 bit in bright polarity', async () => {
  const { client, segmentation } = startGateway()
  const dark: Belt = { ...belt, pixels: belt.pixels.map((gray) => 255 - gray) }
  const stream = openStream(client, openingOf(belt, { polarity: 2 }))
  await stream.opened()
  stream.send({ ...stripsOf(dark, [200])[0]! })
  await stream.acknowledged(1)
  assert.deepEqual(Array.from(segmentation.seen[0]!.request.pixels), Array.from(belt.pixels))
})
