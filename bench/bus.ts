// The bus over Kafka beside Kafka's own perf tools: same broker, message size, partitions and acks=all, in turn, in one run.
// `--mb N` of each run, `--rounds N`. Each contestant is a process of its own; the CPU time of Kafka's tools includes their JVM.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { prepareKafka } from '../services/shared/bus/broker/prepare-kafka.ts'
import { startKafkaBroker } from '../services/shared/bus/broker/start-kafka-broker.ts'
import { kafkaConfigSchema } from '../services/shared/bus/bus-config.ts'
import { createTopic } from '../services/shared/bus/kafka/apply-topics.ts'
import { openBrokerAdmin } from '../services/shared/bus/open-bus.ts'
import { topicSettings } from '../services/shared/bus/topic-settings.ts'
import { silentLogger } from '../services/shared/telemetry/logger.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { runConsumerPerformance, runProducerPerformance } from './support/bus/kafka-tools.ts'
import type { BusLoad, LoadResult } from './support/bus/load.ts'
import { spreadOf } from './support/measure.ts'
import { type Figure, printReport, type Ratio } from './support/print-report.ts'

/** 64 KiB: verdicts of a busy line; 950 kB: a full part of crops. */
const shapes = [
  { messageBytes: 65_536, partitions: 1 },
  { messageBytes: 950_000, partitions: 6 },
] as const
const clients = ['platformatic', 'kafkajs'] as const
const java = "Kafka's tool"
const run = promisify(execFile)

async function runBus(load: BusLoad): Promise<LoadResult> {
  const script = join(import.meta.dirname, 'support', 'bus', 'run-load.ts')
  const { stdout } = await run(process.execPath, [script, JSON.stringify(load)])
  return JSON.parse(stdout) as LoadResult
}

await runBench(async () => {
  const { json, numbers } = readBenchOptions({ mb: 200, rounds: 3 })
  const { mb, rounds } = numbers
  const jars = await prepareKafka(silentLogger)
  const broker = await startKafkaBroker()
  const brokers = [broker.address]
  const admin = await openBrokerAdmin(kafkaConfigSchema.parse({ kind: 'kafka', brokers }), 'bench')
  const results = new Map<string, LoadResult[]>()
  const note = (name: string, result: LoadResult) => {
    results.set(name, [...(results.get(name) ?? []), result])
    process.stderr.write(
      `${name}: ${result.mbPerSecond.toFixed(1)} MB/s, ${result.cpuSecondsPerGb.toFixed(1)} CPU s/GB\n`,
    )
  }
  let topicNumber = 0
  try {
    for (const { messageBytes, partitions } of shapes) {
      const messages = Math.max(8, Math.round((mb * 1e6) / messageBytes))
      const shape = `${messageBytes / 1000} kB, ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`
      const createBenchTopic = async () => {
        topicNumber += 1
        const name = `bench-${topicNumber}`
        await createTopic(admin, { ...topicSettings[0]!, name, partitions }, 1)
        return name
      }
      for (let round = 0; round < rounds; round += 1) {
        const produced = await createBenchTopic()
        const contestants = [
          {
            name: java,
            produce: () =>
              runProducerPerformance({ jars, broker: broker.address, topic: produced, messages, messageBytes }),
            consume: () =>
              runConsumerPerformance({ jars, broker: broker.address, topic: produced, messages, messageBytes }),
          },
          ...clients.map((client) => {
            const load = { client, brokers, topic: produced, messages, messageBytes }
            return {
              name: `bus over ${client}`,
              produce: () => runBus({ ...load, kind: 'produce' }),
              consume: () => runBus({ ...load, kind: 'consume' }),
            }
          }),
        ]
        const inTurn = round % 2 === 0 ? contestants : contestants.toReversed()
        for (const { name, produce } of inTurn) note(`produce, ${shape}: ${name}`, await produce())
        for (const { name, consume } of inTurn) note(`consume, ${shape}: ${name}`, await consume())
      }
    }
  } finally {
    await admin.close()
    await broker.stop()
  }
  const figures: Figure[] = []
  const ratios: Ratio[] = []
  for (const [what, list] of results) {
    figures.push({ what, unit: 'MB/s', spread: spreadOf(list.map(({ mbPerSecond }) => mbPerSecond)) })
    figures.push({ what, unit: 'CPU s/GB', spread: spreadOf(list.map(({ cpuSecondsPerGb }) => cpuSecondsPerGb)) })
    const [kind, name] = what.split(': ') as [string, string]
    if (name === java) continue
    const reference = results.get(`${kind}: ${java}`) ?? []
    const shares = list.map(({ mbPerSecond }, at) => mbPerSecond / (reference[at]?.mbPerSecond ?? Number.NaN))
    ratios.push({ what, against: java, spread: spreadOf(shares) })
  }
  const about = `the bus over Kafka (acks=all) beside kafka-producer-perf-test and kafka-consumer-perf-test, ${mb} MB each; the goal is a ratio of at least 0.8.`
  printReport({ bench: 'bus', about, rounds, figures, ratios }, json)
})
