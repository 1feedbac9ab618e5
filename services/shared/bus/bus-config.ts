import { z } from 'zod'

/** Which client speaks to the broker; both keep the same contract, see docs/decisions/0017. */
const clientSchema = z.enum(['kafkajs', 'platformatic'])

const tlsSchema = z.strictObject({
  /** PEM file of the authorities that the broker's certificate is checked against; those of Node where absent. */
  caFile: z.string().min(1).optional(),
  /** PEM files of the client's own certificate and key, where the broker asks for them. */
  certificateFile: z.string().min(1).optional(),
  keyFile: z.string().min(1).optional(),
})

const saslSchema = z.strictObject({
  mechanism: z.enum(['scram-sha-256', 'scram-sha-512']).default('scram-sha-512'),
  username: z.string().min(1),
  /** File that holds the password, one line: a secret has no place in a configuration. */
  passwordFile: z.string().min(1),
})

/** The bus over Apache Kafka. */
export const kafkaConfigSchema = z.strictObject({
  kind: z.literal('kafka'),
  /** `HOST:PORT` of some brokers of the cluster. */
  brokers: z
    .array(z.string().regex(/^\S+:\d{1,5}$/, 'valid is: HOST:PORT'))
    .min(1)
    .max(64),
  client: clientSchema.default('platformatic'),
  tls: tlsSchema.optional(),
  sasl: saslSchema.optional(),
  /**
   * Bytes by which a consumer group may lag on a topic before publishing to it waits: this is how a slow student slows the
   * line. What is held lies on the broker's disk.
   */
  maxBytesPerTopic: z.int().min(65_536).max(1_099_511_627_776).default(268_435_456),
  /** How long a publication may go on without the broker's acknowledgement before it is refused as `unavailable`, ms. */
  publishTimeoutMs: z.int().min(1_000).max(3_600_000).default(120_000),
})

/** `bus:` of a service's configuration: `memory`, or Kafka with the addresses of its brokers. */
export const busConfigSchema = z
  .union([
    z.literal('memory').transform(() => ({ kind: 'memory' as const })),
    z.strictObject({ kind: z.literal('memory') }),
    kafkaConfigSchema,
  ])
  .prefault('memory')

export type KafkaConfig = z.output<typeof kafkaConfigSchema>
export type BusConfig = z.output<typeof busConfigSchema>
