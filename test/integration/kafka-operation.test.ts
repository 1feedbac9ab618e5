import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type KafkaBroker, startKafkaBroker } from '../../services/shared/bus/broker/start-kafka-broker.ts'
import type { IncomingMessage } from '../../services/shared/bus/bus.ts'
import { type KafkaConfig, kafkaConfigSchema } from '../../services/shared/bus/bus-config.ts'
import { createTopic } from '../../services/shared/bus/kafka/apply-topics.ts'
import { readConnectionSettings } from '../../services/shared/bus/kafka/connection-settings.ts'
import { openBrokerAdmin, openBus } from '../../services/shared/bus/open-bus.ts'
import { allowDescribe } from '../../services/shared/bus/platformatic/test-support/allow-describe.ts'
import { findTopicSettings, plantTopic, topicSettings } from '../../services/shared/bus/topic-settings.ts'
import { deadLetterTopic, headerNames, topics } from '../../services/shared/bus/topics.ts'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'
import { systemClock } from '../../services/shared/service/clock.ts'
import { silentLogger } from '../../services/shared/telemetry/logger.ts'
import { createCertificate } from '../support/create-certificate.ts'
import { waitFor } from '../support/publish-through-kills.ts'
import { runCliInside } from '../support/run-cli-inside.ts'

const clients = ['platformatic', 'kafkajs'] as const
const rights = { 'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer' }
const superUsers = { 'super.users': 'User:ANONYMOUS;User:plant' }

/** One broker with TLS, SCRAM and rights; the tests build on each other's topics, as a plant's life does. */
describe('operating Kafka', { timeout: 590_000 }, () => {
  let folder: string
  let broker: KafkaBroker
  let busFile: string
  const configs: Partial<Record<(typeof clients)[number] | 'stranger' | 'wrong', KafkaConfig>> = {}
  const configOf = (name: keyof typeof configs) => configs[name] as KafkaConfig
  const options = { clientId: 'test', clock: systemClock, logger: silentLogger }
  const cli = (...words: string[]) => runCliInside(...words, '--bus-config', busFile)

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-kafka-test-'))
    const { keystoreFile, keystorePassword, caFile } = await createCertificate(folder)
    const users = [
      { name: 'plant', password: 'plant-secret' },
      { name: 'stranger', password: 'stranger-secret' },
    ]
    broker = await startKafkaBroker({
      quickStart: true,
      security: { keystoreFile, keystorePassword, users },
      properties: { ...rights, ...superUsers },
    })
    const config = async (username: string, password: string, client: string) => {
      const passwordFile = join(folder, `${username}-${password}`)
      await writeFile(passwordFile, `${password}\n`)
      const sasl = { username, passwordFile }
      const bus = { kind: 'kafka', brokers: [broker.address], client, tls: { caFile }, sasl, publishTimeoutMs: 20_000 }
      return kafkaConfigSchema.parse(bus)
    }
    for (const client of clients) configs[client] = await config('plant', 'plant-secret', client)
    configs.stranger = await config('stranger', 'stranger-secret', 'platformatic')
    configs.wrong = await config('plant', 'a-guess', 'platformatic')
    busFile = join(folder, 'bus.json')
    await writeFile(busFile, JSON.stringify(configs.platformatic))
  })
  after(async () => {
    await broker.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it('a broker without topics is refused with the command that makes them', async () => {
    for (const client of clients) {
      const opening = openBus(configOf(client), { ...options, plant: 'plant-1' })
      await assert.rejects(opening, (error: PelletlineError) => {
        assert.equal(error.code, 'failed_precondition')
        const command = 'npx pelletline topics apply --plant plant-1 --bus-config FILE'
        const file = '(FILE holds what stands under `bus:` in the configuration of a service)'
        assert.ok(error.message.endsWith(`create the topics by: ${command} ${file}`), error.message)
        return true
      })
    }
    const { code, stderr } = await cli('topics', 'check')
    assert.equal(code, 1)
    assert.match(stderr, /pelletline\.crops\.v1/)
  })

  it('topics apply makes the topics, and a second one and check find nothing to do', async () => {
    const words = ['--plant', 'plant-1', '--max-partition-mib', '64', '--json']
    assert.equal((await cli('topics', 'apply', ...words)).code, 0)
    const again = await cli('topics', 'apply', ...words)
    assert.equal(again.code, 0)
    const lines = again.json() as { topic: string; differences: unknown[] }[]
    assert.equal(lines.length, topicSettings.length)
    for (const line of lines) assert.deepEqual(line.differences, [], line.topic)
    const check = await cli('topics', 'check', '--plant', 'plant-1', '--max-partition-mib', '64')
    assert.equal(check.code, 0, check.stderr)
    const crops = findTopicSettings(topics.crops.name)
    assert.match(check.stdout, new RegExp(`pelletline\\.crops\\.v1 +${crops?.partitions} `))
  })

  it('topics check names what somebody has changed, and apply mends it', async () => {
    const admin = await openBrokerAdmin(configOf('platformatic'), 'test')
    await admin.setConfiguration(topics.alerts.name, { 'retention.ms': '1000' })
    await admin.close()
    const check = await cli('topics', 'check', '--max-partition-mib', '64')
    assert.equal(check.code, 1)
    assert.match(check.stdout, /retention\.ms 1000, wanted 2592000000/)
    assert.equal((await cli('topics', 'apply', '--plant', 'plant-1', '--max-partition-mib', '64')).code, 0)
    assert.equal((await cli('topics', 'check', '--max-partition-mib', '64')).code, 0)
  })

  it('a second plant on the same topics is refused by its name, at its start and by topics apply', async () => {
    const opening = openBus(configOf('kafkajs'), { ...options, plant: 'plant-2' })
    await assert.rejects(opening, {
      code: 'failed_precondition',
      message: /belong to plant plant-1, and this is plant-2/,
    })
    const apply = await cli('topics', 'apply', '--plant', 'plant-2', '--max-partition-mib', '64')
    assert.equal(apply.code, 1)
    assert.match(apply.stderr, /--replace-plant plant-1/)
  })

  it('a user without rights and a wrong password get one error that says so', async () => {
    await assert.rejects(openBus(configOf('stranger'), { ...options, plant: 'plant-1' }), {
      code: 'failed_precondition',
      message: /(refuses the right|has no topic)/,
    })
    await assert.rejects(openBus(configOf('wrong'), { ...options, plant: 'plant-1' }), {
      code: 'failed_precondition',
      message: /does not accept the user/,
    })
  })

  it('a user who may describe the topic of the plant and not read it is told which right is missing', async () => {
    await allowDescribe(await readConnectionSettings(configOf('platformatic'), 'test'), 'stranger', plantTopic)
    await assert.rejects(openBus(configOf('stranger'), { ...options, plant: 'plant-1' }), {
      code: 'failed_precondition',
      message: /Reading partition 0 of pelletline\.plant\.v1 failed: .*TOPIC_AUTHORIZATION_FAILED/,
    })
  })

  it('a dead letter that its topic refuses as too large is named, and the one behind it is sent again', async () => {
    const topic = 'operation-large'
    const admin = await openBrokerAdmin(configOf('platformatic'), 'test')
    try {
      await createTopic(admin, { ...topicSettings[4]!, name: topic, partitions: 1 }, 1)
      await admin.setConfiguration(topic, { 'max.message.bytes': '10000' })
      const headers = { [headerNames.originTopic]: topic, [headerNames.deadLetterReason]: 'internal: bad' }
      for (const size of [50_000, 5])
        await admin.send(deadLetterTopic, [{ key: 'k', value: Buffer.alloc(size), headers }])
      const replay = () => cli('dead-letters', 'replay', '--topic', topic)
      const first = await replay()
      assert.equal(first.code, 1, first.stderr)
      assert.match(first.stdout, /^1 too large for its topic; left alone: .*\n1 sent again\n$/)
      await admin.setConfiguration(topic, { 'max.message.bytes': '100000' })
      assert.match((await replay()).stdout, /^1 had been sent again before\n1 sent again\n$/)
    } finally {
      await admin.close()
    }
  })

  for (const client of clients) {
    it(`a dead letter is listed with its reason, sent again once, and handled then (${client})`, async () => {
      const topic = `operation-${client}`
      const admin = await openBrokerAdmin(configOf(client), 'test')
      await createTopic(admin, { ...topicSettings[4]!, name: topic, partitions: 1 }, 1)
      await admin.close()
      const bus = await openBus(configOf(client), { ...options, plant: 'plant-1' })
      try {
        let mended = false
        const handled: IncomingMessage[] = []
        const handle = async (message: IncomingMessage) => {
          if (!mended) throw new PelletlineError('invalid_argument', 'part_count is 0; give at least 1.')
          handled.push(message)
        }
        const subscription = await bus.subscribe({ topic, group: 'g', maxInFlight: 2, handle })
        const foreign = { [headerNames.plant]: 'plant-9' }
        await bus.publish(topic, [
          { key: 'mine', value: Buffer.from('value'), headers: { traceparent: '00-ab-cd-01' } },
          { key: 'theirs', value: Buffer.from('value'), headers: foreign },
        ])
        const list = async () => {
          const run = await cli('dead-letters', 'list', '--topic', topic, '--json')
          return run.json() as { key: string; reason: string }[]
        }
        let letters = await list()
        while (letters.length < 2) letters = await list()
        const reasons = Object.fromEntries(letters.map(({ key, reason }) => [key, reason]))
        assert.equal(reasons['mine'], 'invalid_argument: part_count is 0; give at least 1.')
        assert.match(reasons['theirs'] ?? '', /belongs to plant plant-9; this is plant-1/)
        mended = true
        const asking = await openBrokerAdmin(configOf(client), 'test')
        const there = [
          await asking.hasTopic(topic),
          await asking.hasTopic('not-there'),
          await asking.hasTopic('no,topic'),
        ]
        await asking.close()
        assert.deepEqual(there, [true, false, false])
        const replay = ['dead-letters', 'replay', '--topic', topic, '--reason', 'part_count', '--json'] as const
        assert.match((await cli(...replay)).stdout, /"outcome":"sent"/)
        await waitFor('the message that was sent again', () => handled.length === 1)
        assert.equal(handled[0]?.key, 'mine')
        assert.equal(handled[0]?.headers['traceparent'], '00-ab-cd-01')
        assert.equal(handled[0]?.headers[headerNames.replays], '1')
        assert.match((await cli(...replay)).stdout, /"outcome":"sent-before"/)
        await subscription.drain(1000)
      } finally {
        await bus.close()
      }
    })

    it(`a message larger than its topic takes is refused by name and size (${client})`, async () => {
      const bus = await openBus(configOf(client), { ...options, plant: 'plant-1' })
      try {
        const value = Buffer.alloc(3_000_000, 1)
        const publishing = bus.publish(topics.crops.name, [{ key: 'k', value, headers: {} }])
        await assert.rejects(publishing, {
          code: 'invalid_argument',
          message: /larger than the broker lets into the topic/,
        })
      } finally {
        await bus.close()
      }
    })
  }
})
