import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { openStream, startGateway, stopGateways } from '../../test/support/camera-stream.ts'
import { drawBelt } from '../../test/support/draw-belt.ts'
import { openingOf, sourceOf, stripsOf } from '../../test/support/line-source.ts'
import type { StreamStripsRequestSchema } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { sendStrips } from '../shared/camera/send-strips.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { type Clock, systemClock } from '../shared/service/clock.ts'

after(stopGateways)

type Client = ReturnType<typeof startGateway>['client']

const belt = drawBelt({ width: 64, rows: 200, pellets: 12, seed: 2 })
const strips = stripsOf(belt, Array<number>(20).fill(10))

/** The client by way of a route on which the strips stand still for 30 s, from one on; other messages pass. */
function createLossyRoute(client: Client, passing: number) {
  const time = { ms: 0 }
  const clock: Clock = { now: () => time.ms, nowNs: () => BigInt(time.ms) * 1_000_000n, sleep: async () => {} }
  let sent = 0
  async function* passOn(requests: AsyncIterable<MessageInitShape<typeof StreamStripsRequestSchema>>) {
    for await (const request of requests) {
      if (request.message?.case === 'strip' && ++sent > passing) {
        // What the gateway has to say comes through meanwhile.
        await systemClock.sleep(10)
        time.ms += 30_000
        throw new PelletlineError('deadline_exceeded', 'The strip stood still on its way.')
      }
      yield request
    }
  }
  const route: Client = {
    ...client,
    streamStrips: (requests, options) => client.streamStrips(passOn(requests), options),
  }
  return { route, clock }
}

test('a camera side whose strips get through no more gives up, although every opening is acknowledged', async () => {
  const { client } = startGateway()
  const { route, clock } = createLossyRoute(client, 3)
  const endless = new AbortController()
  const acknowledged: bigint[] = []
  let resumes = 0
  const sending = sendStrips(route, {
    open: openingOf(belt),
    strips: sourceOf(strips),
    signal: endless.signal,
    onAcknowledged: ({ durableBelow }) => acknowledged.push(durableBelow),
    onResume: () => {
      if (++resumes > 20) endless.abort(new PelletlineError('cancelled', 'It is taken up for ever.'))
    },
    clock,
  })
  await assert.rejects(sending, { code: 'deadline_exceeded' })
  assert.ok(resumes >= 3 && resumes <= 5, `${resumes} resumes`)
  assert.ok(acknowledged.filter((below) => below === 3n).length >= 3, `${acknowledged}`)
})

test('a replay onto a line in use is refused at once, and the run of that line is taken up after a break', async () => {
  const { client } = startGateway()
  const live = openStream(client, openingOf(belt))
  await live.opened()
  live.send(strips[0]!)
  await live.acknowledged(1)
  const replay = sendStrips(client, {
    open: openingOf(belt, { run: 'replay-1' }),
    strips: sourceOf(strips),
    onResume: () => {
      live.cancel()
    },
  })
  await assert.rejects(replay, { code: 'already_exists', message: /run run-1 of camera camera-1; close it first/ })
  live.cancel()
  await live.refused('cancelled')
  const again = openStream(client, openingOf(belt))
  assert.equal((await again.opened()).nextStrip, 1n)
})

test('a camera side whose stream broke unseen waits until the gateway has seen it', async () => {
  const { client } = startGateway()
  const unseen = openStream(client, openingOf(belt))
  await unseen.opened()
  const codes: string[] = []
  const { acknowledgedBelow } = await sendStrips(client, {
    open: openingOf(belt),
    strips: sourceOf(strips),
    onResume: ({ code }) => {
      codes.push(code)
      unseen.cancel()
    },
  })
  assert.equal(acknowledgedBelow, 20n)
  assert.deepEqual(codes, ['already_exists'])
})
