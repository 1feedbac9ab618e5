import assert from 'node:assert/strict'
import { kafkaConfigSchema } from '../../services/shared/bus/bus-config.ts'
import { createTopic } from '../../services/shared/bus/kafka/apply-topics.ts'
import { openBrokerAdmin, openBrokerClient } from '../../services/shared/bus/open-bus.ts'
import { topicSettings } from '../../services/shared/bus/topic-settings.ts'
import { createRandom, publishThroughKills, readBack, waitFor } from './publish-through-kills.ts'

export interface LossTrial {
  readonly addresses: readonly string[]
  readonly replication: number
  readonly seed: number
  /** How often `strike` is called, each time after some more messages have been acknowledged. */
  readonly strikes: number
  /** Kills and restarts; resolves once the broker serves again. */
  readonly strike: (random: () => number) => Promise<void>
}

const clients = ['platformatic', 'kafkajs'] as const
const publishers = 8

/**
 * Publishes by both clients at once through kills of the broker and reads everything back. Fails where an acknowledged
 * message is missing. kafkajs's idempotent producer with sends that overlap fails here.
 */
export async function checkNothingLost(trial: LossTrial): Promise<string> {
  const { addresses, replication, seed, strikes, strike } = trial
  const random = createRandom(seed)
  const admin = await openBrokerAdmin(configOf('platformatic', addresses), 'test')
  try {
    const runs = []
    for (const name of clients) {
      const topic = `loss-${name}-${seed}-${process.pid}`
      await createTopic(admin, { ...topicSettings[0]!, name: topic, partitions: 3 }, replication)
      runs.push({ name, topic, client: await openBrokerClient(configOf(name, addresses), 'test') })
    }
    const counters: (() => number)[] = []
    const struck = Promise.withResolvers<void>()
    struck.promise.catch(() => {})
    const publishing = runs.map(({ topic, client }) =>
      publishThroughKills({
        client,
        topic,
        publishers,
        disturb: (acknowledged) => {
          counters.push(acknowledged)
          return struck.promise
        },
      }),
    )
    const strikeAll = async () => {
      for (let count = 0; count < strikes; count += 1) {
        const more = 20 + Math.floor(random() * 200)
        const before = counters.map((count) => count())
        const grown = () =>
          counters.length === runs.length && counters.every((now, at) => now() >= (before[at] ?? 0) + more)
        await waitFor(`${more} more acknowledged messages`, grown)
        await strike(random)
      }
      const before = counters.map((count) => count())
      await waitFor('messages after the last kill', () => counters.every((now, at) => now() > (before[at] ?? 0)))
    }
    await strikeAll().then(struck.resolve, struck.reject)
    const acknowledged = await Promise.all(publishing)
    await struck.promise
    const lines: string[] = []
    for (const [at, { name, topic }] of runs.entries()) {
      const keys = acknowledged[at] as ReadonlySet<string>
      const { messages, lost, repeated } = await readBack(admin, topic, keys)
      lines.push(`${name}: ${keys.size} acknowledged, ${messages} read, ${repeated} repeated, ${lost.length} lost`)
      assert.deepEqual(lost, [], `${name}, seed ${seed}: acknowledged messages are missing`)
    }
    return lines.join('; ')
  } finally {
    await admin.close()
  }
}

function configOf(client: (typeof clients)[number], brokers: readonly string[]) {
  return kafkaConfigSchema.parse({ kind: 'kafka', brokers, client })
}
