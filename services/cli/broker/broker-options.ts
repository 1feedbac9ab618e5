import type { Command } from 'commander'
import { busConfigSchema, type KafkaConfig } from '../../shared/bus/bus-config.ts'
import type { BrokerAdmin } from '../../shared/bus/kafka/broker-admin.ts'
import { openBrokerAdmin } from '../../shared/bus/open-bus.ts'
import { correctOptions, loadConfig, parseConfig } from '../../shared/config/load-config.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'

/** Options by which a command names a broker. */
export interface BrokerOptions {
  readonly busConfig?: string
  readonly brokers?: string
}

/** Adds the options that name a broker. */
export function withBroker(command: Command): Command {
  return command
    .option('--brokers <list>', 'HOST:PORT of some brokers, separated by commas')
    .option('--bus-config <file>', 'file with what stands under `bus:` in a service (brokers, tls, sasl)')
}

/** The broker that a command names. `invalid_argument` where it names none, or a bus that is not Kafka. */
export function readBrokerOptions({ busConfig, brokers }: BrokerOptions, command: string): KafkaConfig {
  if ((busConfig === undefined) === (brokers === undefined)) {
    const text = `${command} needs one of --brokers HOST:PORT and --bus-config FILE, to know which broker it is about.`
    throw new PelletlineError('invalid_argument', text)
  }
  const config =
    busConfig === undefined
      ? parseConfig(busConfigSchema, { kind: 'kafka', brokers: brokers?.split(',') }, '--brokers', correctOptions)
      : loadConfig(busConfigSchema, busConfig, { service: command })
  if (config.kind === 'kafka') return config
  const text = `${busConfig} names the bus in memory, which has no topics to look at; name a broker: kind: kafka, brokers: [HOST:PORT].`
  throw new PelletlineError('invalid_argument', text)
}

/** Opens the broker for the time of some work. */
export async function withBrokerAdmin<T>(config: KafkaConfig, work: (admin: BrokerAdmin) => Promise<T>): Promise<T> {
  const admin = await openBrokerAdmin(config, 'pelletline-cli')
  try {
    return await work(admin)
  } finally {
    await admin.close()
  }
}
