import { PelletlineError } from '../errors/pelletline-error.ts'
import { createBackoff } from '../service/backoff.ts'
import type { Clock } from '../service/clock.ts'
import { runWithin } from '../service/run-within.ts'
import { withinTime } from '../service/within-time.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Bus } from './bus.ts'
import type { BusConfig, KafkaConfig } from './bus-config.ts'
import type { BrokerAdmin } from './kafka/broker-admin.ts'
import type { BrokerClient } from './kafka/broker-client.ts'
import { createMemoryBus } from './memory-bus.ts'

export interface OpenBusOptions {
  /** Name of the plant: a broker whose topics belong to another plant is refused. */
  readonly plant: string
  /** Name of the service, as the broker's logs and quotas show it. */
  readonly clientId: string
  /** Ends the opening, and later the joining of groups that is under way; subscriptions that are open go on. */
  readonly signal?: AbortSignal | undefined
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Opens the bus that a configuration names; the one who opened it closes it. Kafka: `failed_precondition` where the topics
 * are not there or belong to another plant, with the command that mends it.
 */
export async function openBus(config: BusConfig, options: OpenBusOptions): Promise<Bus> {
  const { clock, logger, plant, clientId, signal } = options
  if (config.kind === 'memory') return createMemoryBus({ clock, logger })
  // Loaded only where Kafka is spoken: a plant in one process starts without either client.
  const { createKafkaBus } = await import('./kafka/create-kafka-bus.ts')
  await checkPlant(config, options)
  const client = await openBrokerClient(config, clientId, plant)
  const { maxBytesPerTopic, publishTimeoutMs } = config
  return createKafkaBus({ client, plant, maxBytesPerTopic, publishTimeoutMs, signal, clock, logger })
}

/** A broker that is just starting is waited for so long, ms. */
const brokerTimeoutMs = 30_000
/** Patience with connections that are closed, ms. */
const closeTimeoutMs = 1000

async function checkPlant(config: KafkaConfig, options: OpenBusOptions): Promise<void> {
  const { plant, clientId, clock, logger, signal } = options
  const { brokers } = config
  const { checkPlantMark } = await import('./kafka/plant-mark.ts')
  const { unansweredError } = await import('./kafka/broker-error.ts')
  const admin = await openBrokerAdmin(config, clientId, plant)
  const backoff = createBackoff({ firstMs: 200, maxMs: 2000 })
  let last: PelletlineError | undefined
  const ask = async (stop: AbortSignal): Promise<void> => {
    for (;;) {
      try {
        return await checkPlantMark(admin, plant, config)
      } catch (thrown) {
        last = PelletlineError.from(thrown)
        if (!last.retryable || stop.aborted) throw last
        logger.warn({ brokers }, `the broker is asked again: ${last.message}`)
        await clock.sleep(backoff.fail(), stop)
      }
    }
  }
  const late = () => unansweredError('Asking whose topics these are', config, brokerTimeoutMs, last)
  try {
    await runWithin(ask, { ms: brokerTimeoutMs, clock, signal, late })
  } finally {
    await withinTime(admin.close(), closeTimeoutMs, clock)
  }
}

/** The client that a configuration names; errors name the plant in their commands where it is given. */
export async function openBrokerClient(config: KafkaConfig, clientId: string, plant?: string): Promise<BrokerClient> {
  const { readConnectionSettings } = await import('./kafka/connection-settings.ts')
  const settings = await readConnectionSettings(config, clientId, plant)
  if (config.client === 'platformatic') {
    const { createPlatformaticClient } = await import('./platformatic/create-client.ts')
    return createPlatformaticClient(settings)
  }
  const { createKafkajsClient } = await import('./kafkajs/create-client.ts')
  return createKafkajsClient(settings)
}

/** The administration of the broker that a configuration names: topics, dead letters, the plant's mark; the plant as for the client. */
export async function openBrokerAdmin(config: KafkaConfig, clientId: string, plant?: string): Promise<BrokerAdmin> {
  const { readConnectionSettings } = await import('./kafka/connection-settings.ts')
  const { createPlatformaticAdmin } = await import('./platformatic/create-admin.ts')
  return createPlatformaticAdmin(await readConnectionSettings(config, clientId, plant))
}
