// Started by bench/bus.ts: produces or consumes through the bus, and prints one LoadResult as JSON.
import process from 'node:process'
import { kafkaConfigSchema } from '../../../services/shared/bus/bus-config.ts'
import { createKafkaBus } from '../../../services/shared/bus/kafka/create-kafka-bus.ts'
import { openBrokerClient } from '../../../services/shared/bus/open-bus.ts'
import { systemClock } from '../../../services/shared/service/clock.ts'
import { silentLogger } from '../../../services/shared/telemetry/logger.ts'
import { type BusLoad, type LoadResult, publishersAtOnce } from './load.ts'

const load = JSON.parse(process.argv[2] ?? '') as BusLoad
const { kind, client, brokers, topic, messages, messageBytes } = load
const config = kafkaConfigSchema.parse({ kind: 'kafka', brokers, client })
const bus = createKafkaBus({
  client: await openBrokerClient(config, 'bench'),
  plant: 'bench',
  maxBytesPerTopic: 1_000_000_000_000,
  publishTimeoutMs: 120_000,
  clock: systemClock,
  logger: silentLogger,
})

async function produce(): Promise<void> {
  const value = Buffer.alloc(messageBytes, 7)
  let next = 0
  const publisher = async () => {
    while (next < messages) {
      next += 1
      await bus.publish(topic, [{ key: `line-1/camera-1/${next}`, value, headers: { 'pelletline-line': 'line-1' } }])
    }
  }
  await Promise.all(Array.from({ length: publishersAtOnce }, publisher))
}

/** Rates count from the first message, as Kafka's own tool counts without the joining of the group. */
async function consume(begin: () => void): Promise<void> {
  const done = Promise.withResolvers<void>()
  let left = messages
  const subscription = await bus.subscribe({
    topic,
    group: `bench-${process.pid}`,
    maxInFlight: 16,
    handle: async () => {
      if (left === messages) begin()
      left -= 1
      if (left === 0) done.resolve()
    },
  })
  await done.promise
  await subscription.drain(5000)
}

let began = performance.now()
let cpuBefore = process.cpuUsage()
const begin = () => {
  began = performance.now()
  cpuBefore = process.cpuUsage()
}
if (kind === 'produce') {
  // Connections and metadata are there before the clock starts; the first message is one of none that count.
  await bus.publish(topic, [{ key: 'warm-up', value: Buffer.alloc(messageBytes), headers: {} }])
  begin()
  await produce()
} else await consume(begin)
const seconds = (performance.now() - began) / 1000
const { user, system } = process.cpuUsage(cpuBefore)
const bytes = messages * messageBytes
const result: LoadResult = {
  mbPerSecond: bytes / 1e6 / seconds,
  cpuSecondsPerGb: (user + system) / 1e6 / (bytes / 1e9),
}
process.stdout.write(`${JSON.stringify(result)}\n`)
await bus.close()
