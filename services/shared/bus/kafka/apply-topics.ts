import { PelletlineError } from '../../errors/pelletline-error.ts'
import { type Clock, systemClock } from '../../service/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { KafkaConfig } from '../bus-config.ts'
import { openBrokerAdmin } from '../open-bus.ts'
import { limitRetention, plantTopic, type TopicSettings, topicConfiguration, topicSettings } from '../topic-settings.ts'
import type { BrokerAdmin } from './broker-admin.ts'
import type { BrokerAddress } from './broker-commands.ts'
import { compareTopics, type TopicReport } from './compare-topics.ts'
import { markPlant, refuseForeignTopics } from './plant-mark.ts'

export interface ApplyTopicsOptions {
  /** Becomes the owner of topics that have none. */
  readonly plant: string
  /** Name of the plant whose topics these were, where it has been renamed. */
  readonly replacePlant?: string
  /** Copies of each new topic; default: 3, or as many as there are brokers. */
  readonly replication?: number
  /** Most bytes that a partition keeps, for a small disk; default: as the topics' settings say. */
  readonly maxPartitionBytes?: number
  /** Folder of a broker that a plant starts for itself, and that ends with it; for messages. */
  readonly folder?: string
  readonly logger: Logger
}

const visibleTimeoutMs = 30_000

/** Copies that new topics get: three where there are brokers enough. */
export async function chooseReplication(admin: BrokerAdmin, given: number | undefined): Promise<number> {
  const brokers = await admin.brokerCount()
  const replication = given ?? Math.min(3, brokers)
  if (replication <= brokers) return replication
  const text = `${replication} copies of a topic need as many brokers; ${brokers} ${brokers === 1 ? 'is' : 'are'} there.`
  throw new PelletlineError('invalid_argument', text)
}

/** Compares the broker with the settings of all topics. */
export async function reportTopics(
  admin: BrokerAdmin,
  replication: number,
  maxPartitionBytes = Number.POSITIVE_INFINITY,
): Promise<TopicReport[]> {
  const wanted = limitRetention(topicSettings, maxPartitionBytes)
  const found = await admin.describeTopics(wanted.map(({ name }) => name))
  return compareTopics(wanted, found, replication)
}

/** Whether the topic is there in which a plant marks the topics as its own. */
export function isMarkable(reports: readonly TopicReport[]): boolean {
  return reports.some(({ settings, exists }) => exists && settings.name === plantTopic)
}

/** A broker answers for a topic some moments after the controller has made it. */
async function waitUntilVisible(admin: BrokerAdmin, name: string, clock: Clock): Promise<void> {
  const giveUpAt = clock.now() + visibleTimeoutMs
  while ((await admin.describeTopics([name])).length === 0) {
    if (clock.now() > giveUpAt) {
      const text = `The topic ${name} was created and is not there after ${visibleTimeoutMs / 1000} s; look at the broker's log.`
      throw new PelletlineError('unavailable', text)
    }
    await clock.sleep(100)
  }
}

/** Creates one topic and waits until brokers answer for it. */
export async function createTopic(
  admin: BrokerAdmin,
  settings: TopicSettings,
  replication: number,
  clock: Clock = systemClock,
): Promise<void> {
  const { name, partitions } = settings
  const configuration = topicConfiguration(settings, replication)
  await admin.createTopic({ name, partitions, replication, configuration })
  await waitUntilVisible(admin, name, clock)
}

/** Creates what is missing, mends what differs, marks the topics as the plant's; returns what it found before. */
export async function applyTopicsWith(
  admin: BrokerAdmin,
  address: BrokerAddress,
  options: ApplyTopicsOptions,
): Promise<TopicReport[]> {
  const { plant, replacePlant, logger } = options
  const replication = await chooseReplication(admin, options.replication)
  const reports = await reportTopics(admin, replication, options.maxPartitionBytes)
  const identity = {
    ...address,
    ...(replacePlant !== undefined && { replace: replacePlant }),
    ...(options.folder !== undefined && { folder: options.folder }),
  }
  // Another plant's topics are left as they are, their retention among it.
  if (isMarkable(reports)) await refuseForeignTopics(admin, plant, identity)
  for (const { settings, exists, differences } of reports) {
    const { name } = settings
    if (!exists) {
      await createTopic(admin, settings, replication)
      logger.info({ topic: name, partitions: settings.partitions, replication }, 'topic created')
      continue
    }
    const mendable = differences.filter((difference) => difference.mendable)
    if (mendable.some(({ key }) => key === 'partitions')) await admin.setPartitions(name, settings.partitions)
    const configuration = Object.fromEntries(
      mendable.filter(({ key }) => key !== 'partitions').map(({ key, wanted }) => [key, wanted]),
    )
    if (Object.keys(configuration).length > 0) await admin.setConfiguration(name, configuration)
    if (mendable.length > 0) logger.info({ topic: name, changes: mendable }, 'topic changed')
  }
  await markPlant(admin, plant, identity)
  return reports
}

/** `npx pelletline topics apply` as a function: opens the broker that the configuration names and closes it again. */
export async function applyTopics(config: KafkaConfig, options: ApplyTopicsOptions): Promise<TopicReport[]> {
  const admin = await openBrokerAdmin(config, 'pelletline-topics', options.plant)
  try {
    return await applyTopicsWith(admin, config, options)
  } finally {
    await admin.close()
  }
}
