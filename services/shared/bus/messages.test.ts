import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { type Alert, type AlertMessage, AlertMessageSchema } from '../../gen/pelletline/events/v1/events_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { createBoundedQueue } from '../queue/bounded-queue.ts'
import type { Bus, IncomingMessage, OutgoingMessage } from './bus.ts'
import { createMemoryBus } from './memory-bus.ts'
import { consumeTopic, publishMessage } from './messages.ts'
import { deadLetterTopic, headerNames, topics } from './topics.ts'

describe('publishMessage and consumeTopic', () => {
  let bus: Bus
  const alerts = () => createBoundedQueue<AlertMessage>({ limit: 10 })
  beforeEach(() => {
    bus = createMemoryBus()
  })
  afterEach(() => bus.close())

  const nextDeadLetter = async (): Promise<IncomingMessage> => {
    const letters = createBoundedQueue<IncomingMessage>({ limit: 10 })
    await bus.subscribe({
      topic: deadLetterTopic,
      group: 'test',
      maxInFlight: 1,
      handle: (letter) => letters.push(letter),
    })
    return (await letters.shift(AbortSignal.timeout(5000))) as IncomingMessage
  }

  it('a message arrives decoded, with its type and the headers of its producer', async () => {
    const received = alerts()
    const headers: Record<string, string>[] = []
    await consumeTopic(bus, {
      topic: topics.alerts,
      group: 'g',
      maxInFlight: 1,
      handle: async (message, incoming) => {
        headers.push(incoming.headers)
        await received.push(message)
      },
    })
    const message = { alert: { id: 'alert-1', limit: 0.5 } as Alert }
    await publishMessage(bus, topics.alerts, { key: 'k', message, headers: { [headerNames.line]: 'line-1' } })
    const alert = (await received.shift())?.alert
    assert.equal(alert?.id, 'alert-1')
    assert.equal(alert?.limit, 0.5)
    assert.deepEqual(headers, [
      { [headerNames.line]: 'line-1', [headerNames.messageType]: AlertMessageSchema.typeName },
    ])
  })

  it('a message made from one that was sent again from the dead letters has not been sent again itself', async () => {
    const published: OutgoingMessage[] = []
    const publish: Bus['publish'] = async (_, messages) => void published.push(...messages)
    const belongs = {
      [headerNames.plant]: 'plant-1',
      [headerNames.line]: 'line-1',
      [headerNames.lot]: 'lot-1',
      [headerNames.traceparent]: '00-ab-cd-01',
    }
    const headers = { ...belongs, [headerNames.replays]: '3', [headerNames.messageType]: 'CropsMessage' }
    const message = { alert: { id: 'alert-1' } as Alert }
    await publishMessage({ ...bus, publish }, topics.alerts, { key: 'k', message, headers })
    const own = { ...belongs, [headerNames.messageType]: AlertMessageSchema.typeName }
    assert.deepEqual(published[0]?.headers, own)
  })

  it('a consumer of an older release takes a newer message, without the fields that it does not know', async () => {
    const received = alerts()
    const handle = (message: AlertMessage) => received.push(message).then(() => undefined)
    await consumeTopic(bus, { topic: topics.alerts, group: 'g', maxInFlight: 1, handle })
    const message = create(AlertMessageSchema, { alert: { id: 'alert-1', limit: 0.5 } })
    // Field 1000, two bytes, of a release to come.
    const value = Uint8Array.of(...toBinary(AlertMessageSchema, message), 0xc2, 0x3e, 2, 7, 7)
    await bus.publish(topics.alerts.name, [{ key: 'k', value, headers: {} }])
    const taken = await received.shift(AbortSignal.timeout(5000))
    assert.equal(taken?.alert?.id, 'alert-1')
    // Kept, so that whoever passes the message on passes them on.
    assert.deepEqual(toBinary(AlertMessageSchema, taken!), value)
  })

  it('an invalid message is refused before it is published', async () => {
    const publishing = publishMessage(bus, topics.alerts, { key: 'k', message: {} })
    await assert.rejects(publishing, (error) => {
      assert.ok(error instanceof PelletlineError)
      assert.equal(error.code, 'invalid_argument')
      assert.equal(error.violations[0]?.field, 'alert')
      return true
    })
    assert.equal((await bus.lag(topics.alerts.name, 'g')).messages, 0)
  })

  const refused = async (value: Uint8Array, headers: Record<string, string>): Promise<string> => {
    const handle = async () => assert.fail('the handler saw a message that is not valid')
    await consumeTopic(bus, { topic: topics.alerts, group: 'g', maxInFlight: 1, handle })
    await bus.publish(topics.alerts.name, [{ key: 'k', value, headers }])
    const letter = await nextDeadLetter()
    assert.equal(letter.headers[headerNames.originTopic], topics.alerts.name)
    return letter.headers[headerNames.deadLetterReason] ?? ''
  }

  it('bytes that are no message go to the dead letters', async () => {
    assert.match(await refused(Uint8Array.of(0xff, 0xff, 0xff), {}), /^invalid_argument: .*3 bytes.*AlertMessage/)
  })

  it('a message that breaks a rule goes to the dead letters with the field', async () => {
    assert.match(await refused(new Uint8Array(0), {}), /^invalid_argument: .*alert: /)
  })

  it('a message of another type goes to the dead letters', async () => {
    const headers = { [headerNames.messageType]: 'pelletline.events.v1.CropsMessage' }
    assert.match(await refused(new Uint8Array(0), headers), /is a pelletline.events.v1.CropsMessage; the topic carries/)
  })
})
