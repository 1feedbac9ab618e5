import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { javaArguments } from '../../../services/shared/bus/broker/broker-process.ts'
import type { KafkaJars } from '../../../services/shared/bus/broker/kafka-jars.ts'
import type { LoadResult } from './load.ts'

const run = promisify(execFile)

export interface ToolLoad {
  readonly jars: KafkaJars
  readonly broker: string
  readonly topic: string
  readonly messages: number
  readonly messageBytes: number
}

/** Seconds of CPU that the shell's children took, from the last line that `times` prints: `0m1.234s 0m0.056s`. */
function childSeconds(output: string): number {
  const [user, system] = (output.trim().split('\n').at(-1) ?? '').split(' ').map((text) => {
    const [, minutes, seconds] = /^(\d+)m([\d.]+)s$/.exec(text) ?? []
    return Number(minutes) * 60 + Number(seconds)
  })
  return (user ?? Number.NaN) + (system ?? Number.NaN)
}

/** Runs one of Kafka's tools; its CPU time includes the start of its JVM. */
async function runTool(jars: KafkaJars, tool: string, toolArguments: readonly string[]) {
  const java = ['java', ...javaArguments(jars, 512), tool, ...toolArguments]
  const quoted = java.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
  const { stdout } = await run('sh', ['-c', `${quoted} 2>&1; times`], { maxBuffer: 16_000_000 })
  return { stdout, cpuSeconds: childSeconds(stdout) }
}

/** `kafka-producer-perf-test`, acks=all and else its defaults; the rate is that of its closing line, in MB of 10^6 bytes. */
export async function runProducerPerformance(load: ToolLoad): Promise<LoadResult> {
  const { jars, broker, topic, messages, messageBytes } = load
  const { stdout, cpuSeconds } = await runTool(jars, 'org.apache.kafka.tools.ProducerPerformance', [
    ...['--bootstrap-server', broker, '--topic', topic, '--num-records', String(messages)],
    ...['--record-size', String(messageBytes), '--throughput', '-1'],
    ...['--command-property', 'acks=all', 'max.request.size=4194304'],
  ])
  const rates = [...stdout.matchAll(/records sent, [\d.,]+ records\/sec \(([\d.]+) MB\/sec\)/g)]
  // The tool's MB are MiB.
  const mbPerSecond = (Number(rates.at(-1)?.[1]) * 1_048_576) / 1e6
  return { mbPerSecond, cpuSecondsPerGb: cpuSeconds / ((messages * messageBytes) / 1e9) }
}

/** `kafka-consumer-perf-test`; the rate counts its fetch time, without the joining of the group. */
export async function runConsumerPerformance(load: ToolLoad): Promise<LoadResult> {
  const { jars, broker, topic, messages, messageBytes } = load
  const { stdout, cpuSeconds } = await runTool(jars, 'org.apache.kafka.tools.ConsumerPerformance', [
    ...['--bootstrap-server', broker, '--topic', topic, '--num-records', String(messages)],
    ...['--hide-header', '--timeout', '60000', '--fetch-size', '4194304'],
  ])
  // start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms, fetch MB/s, fetch records/s
  const line = stdout.split('\n').find((text) => text.split(', ').length >= 10) ?? ''
  const mbPerSecond = (Number(line.split(', ')[8]) * 1_048_576) / 1e6
  return { mbPerSecond, cpuSecondsPerGb: cpuSeconds / ((messages * messageBytes) / 1e9) }
}
