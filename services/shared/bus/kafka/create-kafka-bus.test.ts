import assert from 'node:assert/strict'
import { it } from 'node:test'
import { systemClock } from '../../service/clock.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import { topics } from '../topics.ts'
import type { BrokerClient } from './broker-client.ts'
import { createKafkaBus } from './create-kafka-bus.ts'

const message = { key: 'k', value: new Uint8Array(10), headers: {} }

function createBus(client: Partial<BrokerClient>) {
  return createKafkaBus({
    client: client as BrokerClient,
    plant: 'plant-1',
    maxBytesPerTopic: 1_000_000,
    publishTimeoutMs: 10_000,
    clock: systemClock,
    logger: silentLogger,
  })
}

it('a line is held back before its student has ever come, as what nobody reads would run out; a topic that nobody is to read is not', async () => {
  let committed = new Map<number, bigint>()
  const sent: string[] = []
  const client: Pick<BrokerClient, 'committed' | 'ranges' | 'send' | 'close'> = {
    committed: async () => committed,
    ranges: async () => new Map([[0, { start: 0n, end: 1000n }]]),
    send: async (topic) => void sent.push(topic),
    close: async () => {},
  }
  const bus = createBus(client)
  await bus.publish(topics.alerts.name, [message])
  const held = bus.publish(topics.crops.name, [message])
  await new Promise((resolve) => setTimeout(resolve, 600))
  assert.deepEqual(sent, [topics.alerts.name])
  committed = new Map([[0, 1000n]])
  await held
  assert.deepEqual(sent, [topics.alerts.name, topics.crops.name])
  await bus.close()
})

it('a group that has joined holds publishers back, though the commit at which it begins has not been taken', async () => {
  const sent: string[] = []
  const client: Partial<BrokerClient> = {
    committed: async () => new Map(),
    ranges: async () => new Map([[0, { start: 0n, end: 1000n }]]),
    send: async (topic) => void sent.push(topic),
    async openConsumer({ listener }) {
      listener.assigned(1, [0])
      return { commit: () => Promise.reject(new Error('rebalancing')), close: async () => {} }
    },
    close: async () => {},
  }
  const bus = createBus(client)
  await bus.subscribe({ topic: topics.alerts.name, group: 'slow', maxInFlight: 1, handle: async () => {} })
  await assert.rejects(bus.publish(topics.alerts.name, [message], AbortSignal.timeout(200)), { code: 'cancelled' })
  assert.deepEqual(sent, [])
  await bus.close()
})
