import { Admin, ConfigResourceTypes, IncrementalAlterConfigOperationTypes } from '@platformatic/kafka'
import type { BrokerAdmin, BrokerTopic } from '../kafka/broker-admin.ts'
import { brokerError } from '../kafka/broker-error.ts'
import type { ConnectionSettings } from '../kafka/connection-settings.ts'
import { clientOptions } from './client-options.ts'
import { createPlatformaticClient } from './create-client.ts'
import { protocolErrorsOf } from './protocol-errors.ts'
import { readPartition } from './read-partition.ts'

const unknownTopic: ReadonlySet<string> = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION'])

/** Creates the administration of a broker; nothing is sent before the first call. */
export function createPlatformaticAdmin(settings: ConnectionSettings): BrokerAdmin {
  const admin = new Admin(clientOptions(settings))
  const client = createPlatformaticClient(settings)
  const attempt = async <T>(what: string, topic: string | undefined, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      const protocolErrors = protocolErrorsOf(cause)
      throw brokerError({ what, address: settings, protocolErrors, cause, ...(topic !== undefined && { topic }) })
    }
  }

  const findTopic = async (name: string) => {
    try {
      return (await admin.metadata({ topics: [name], forceUpdate: true })).topics.get(name)
    } catch (thrown) {
      if (protocolErrorsOf(thrown).some((each) => unknownTopic.has(each))) return undefined
      throw thrown
    }
  }

  const describeOne = async (name: string): Promise<BrokerTopic | undefined> => {
    const topic = await findTopic(name)
    if (topic === undefined) return undefined
    const [described] = await admin.describeConfigs({
      resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: name }],
    })
    const configuration: Record<string, string> = {}
    for (const { name: key, value } of described?.configs ?? [])
      if (typeof value === 'string') configuration[key] = value
    return {
      name,
      partitions: topic.partitionsCount,
      replication: topic.partitions[0]?.replicas.length ?? 0,
      configuration,
    }
  }

  return {
    brokerCount: () =>
      attempt('Asking for the brokers', undefined, async () => (await admin.metadata({ topics: [] })).brokers.size),
    describeTopics: (names) =>
      attempt('Describing the topics', undefined, async () => {
        const described: BrokerTopic[] = []
        for (const name of names) {
          const topic = await describeOne(name)
          if (topic !== undefined) described.push(topic)
        }
        return described
      }),
    hasTopic: (name) =>
      attempt(`Looking for the topic ${name}`, name, async () => (await findTopic(name)) !== undefined),
    createTopic: ({ name, partitions, replication, configuration }) =>
      attempt(`Creating the topic ${name}`, name, async () => {
        await admin.createTopics({
          topics: [{ topic: name, partitions, replicas: replication }],
          configs: Object.entries(configuration).map(([key, value]) => ({ name: key, value })),
        })
      }),
    setPartitions: (name, count) =>
      attempt(`Adding partitions to ${name}`, name, () => admin.createPartitions({ topics: [{ name, count }] })),
    setConfiguration: (name, configuration) =>
      attempt(`Configuring ${name}`, name, () =>
        admin.incrementalAlterConfigs({
          resources: [
            {
              resourceType: ConfigResourceTypes.TOPIC,
              resourceName: name,
              configs: Object.entries(configuration).map(([key, value]) => ({
                name: key,
                value,
                configOperation: IncrementalAlterConfigOperationTypes.SET,
              })),
            },
          ],
        }),
      ),
    ranges: (topic) => client.ranges(topic),
    readPartition: (options) => readPartition(settings, options),
    send: (topic, messages) => client.send(topic, messages),
    async close() {
      await Promise.allSettled([admin.close(), client.close()])
    },
  }
}
