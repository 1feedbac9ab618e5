import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { inFlight, openStream, startGateway, stopGateways } from '../../test/support/camera-stream.ts'
import { drawBelt } from '../../test/support/draw-belt.ts'
import { openingOf, stripsOf } from '../../test/support/line-source.ts'
import type { StreamStripsResponse } from '../gen/pelletline/camera/v1/camera_pb.ts'
import type { StripToSend } from '../shared/camera/send-strips.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'

after(stopGateways)

const belt = drawBelt({ width: 64, rows: 200, pellets: 12, seed: 2 })
const strips = stripsOf(belt, Array<number>(20).fill(10), false)

test('a run is opened with its first strip and all credits, and every strip is acknowledged and gives its credit back', async () => {
  const { client } = startGateway()
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
  const { client, segmentation, gateway } = startGateway()
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

test('a strip beyond maxBytesPerLine waits and the stream is read no further until strips before it are durable', async () => {
  const { client, segmentation, gateway } = startGateway({ options: { maxBytesPerLine: 1500 } })
  segmentation.answer(0)
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  stream.send(...strips.slice(0, 4))
  await inFlight(gateway, 3)
  for (let turn = 0; turn < 20; turn++) await new Promise((done) => setImmediate(done))
  const { strips: taken, stripsInFlight } = gateway.snapshot('line-1')!
  assert.deepEqual([taken, stripsInFlight], [2, 3])
  segmentation.answer(Number.POSITIVE_INFINITY)
  assert.equal((await stream.acknowledged(4)).credits, 4)
  stream.end()
  assert.equal(await stream.next(), undefined)
})

test('a strip larger than maxBytesPerLine passes while no other is in flight', async () => {
  const { client, segmentation, gateway } = startGateway({ options: { maxBytesPerLine: 100 } })
  segmentation.answer(0)
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  stream.send(...strips.slice(0, 3))
  await inFlight(gateway, 2)
  assert.equal(gateway.snapshot('line-1')!.strips, 1)
  segmentation.answer(Number.POSITIVE_INFINITY)
  assert.equal((await stream.acknowledged(3)).nextStrip, 3n)
})

test('a line that the registry takes no more is refused with its error instead of waiting for ever', async () => {
  const { client, registry } = startGateway({ assigned: false })
  registry.refuseWatches(new PelletlineError('resource_exhausted', 'raise maxLines', { retryable: false }))
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  stream.send(strips[0]!)
  assert.match((await stream.refused('resource_exhausted')).message, /raise maxLines/)
})

test('a credit comes back when its strip is durable, although an open pellet still needs the strip', async () => {
  const { client } = startGateway({ lag: 50 })
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
  const { client } = startGateway()
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
  const { client, gateway } = startGateway()
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
  const { client, segmentation, gateway } = startGateway()
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  stream.send(strips[0]!, { ...strips[1]!, firstRow: 15n, rowsLostBefore: 5n })
  await stream.acknowledged(2)
  assert.equal(segmentation.seen[1]!.request.header!.rowsLostBefore, 5n)
  assert.equal(gateway.snapshot('line-1')!.rowsLost, 5)
  assert.equal(gateway.snapshot('line-1')!.rowsAcquired, 20)
})

test('a second stream of a line is refused with already_exists until the first has gone', async () => {
  const { client } = startGateway()
  const first = openStream(client, openingOf(belt))
  await first.opened()
  for (const change of [{ run: 'run-2' }, { camera: 'camera-2' }]) {
    const refusal = await openStream(client, openingOf(belt, change)).refused('already_exists')
    assert.match(refusal.message, /line-1 has an open stream, run run-1 of camera camera-1; close it first/)
    assert.equal(refusal.retryAfterMs, undefined)
  }
  const own = await openStream(client, openingOf(belt)).refused('already_exists')
  assert.match(own.message, /line-1 still has the last stream of run run-1/)
  assert.equal(own.retryAfterMs, 500)
  const other = openStream(client, openingOf(belt, { line: 'line-2' }))
  await other.opened()
  first.cancel()
  await first.refused('cancelled')
  await openStream(client, openingOf(belt, { run: 'run-2' })).opened()
})

test('a repeated strip is acknowledged again and not counted again', async () => {
  const { client, segmentation, gateway } = startGateway()
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
