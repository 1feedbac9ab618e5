import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import {
  diskNeed,
  findTopicSettings,
  groupIdOf,
  topicConfiguration,
  topicSettings,
} from '../../services/shared/bus/topic-settings.ts'
import type { Manifest } from './support/manifest.ts'
import { chart, parseManifests, repository } from './support/render-chart.ts'

interface Resource extends Omit<Manifest, 'spec'> {
  readonly spec: Readonly<Record<string, unknown>>
}

interface Secret {
  readonly name: string
  readonly key: string
}

interface Rule {
  readonly resource: { readonly type: string; readonly name?: string }
  readonly operations: readonly string[]
}

interface ChartValues {
  readonly kafka: {
    readonly brokers: readonly string[]
    readonly tls: { readonly caSecret: Secret }
    readonly sasl: { readonly mechanism: string; readonly username: string; readonly passwordSecret: Secret }
  }
  readonly database: {
    readonly address: string
    readonly name: string
    readonly user: string
    readonly passwordSecret: Secret
    readonly tls: { readonly caSecret: Secret }
  }
}

const values = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as ChartValues

const resources = globSync('k8s/**/*.yaml', { cwd: repository }).flatMap(
  (file) => parseManifests(readFileSync(join(repository, file), 'utf8')) as unknown as Resource[],
)
const ofKind = (kind: string) => resources.filter((resource) => resource.kind === kind)
const theOne = (kind: string) => {
  const [resource, ...others] = ofKind(kind)
  assert.equal(others.length, 0, kind)
  return resource ?? assert.fail(`no ${kind} in k8s/`)
}

describe('k8s/', () => {
  it('makes the broker, the user and the authority that the default values name', () => {
    // Names that Strimzi derives: CLUSTER-kafka-bootstrap, CLUSTER-cluster-ca-cert, a Secret named like the KafkaUser.
    const kafka = theOne('Kafka')
    const { name } = kafka.metadata
    const { listeners } = kafka.spec['kafka'] as { listeners: readonly Record<string, unknown>[] }
    const [listener] = listeners
    assert.deepEqual(values.kafka.brokers, [`${name}-kafka-bootstrap:${String(listener?.['port'])}`])
    assert.equal(listener?.['tls'], true)
    assert.deepEqual(listener?.['authentication'], { type: values.kafka.sasl.mechanism })
    assert.deepEqual(values.kafka.tls.caSecret, { name: `${name}-cluster-ca-cert`, key: 'ca.crt' })
    const user = theOne('KafkaUser')
    assert.equal(values.kafka.sasl.username, user.metadata.name)
    assert.deepEqual(values.kafka.sasl.passwordSecret, { name: user.metadata.name, key: 'password' })
    assert.deepEqual(user.spec['authentication'], { type: values.kafka.sasl.mechanism })
    for (const resource of [...ofKind('KafkaNodePool'), ...ofKind('KafkaTopic'), user]) {
      assert.equal(resource.metadata.labels?.['strimzi.io/cluster'], name, resource.metadata.name)
    }
  })

  it('makes the database, its owner and the authority that the default values name', () => {
    // Names that CloudNativePG derives: CLUSTER-rw, CLUSTER-app, CLUSTER-ca.
    const cluster = theOne('Cluster')
    const { name } = cluster.metadata
    const { initdb } = cluster.spec['bootstrap'] as { initdb: { database: string; owner: string } }
    assert.equal(values.database.address, `${name}-rw:5432`)
    assert.deepEqual([values.database.name, values.database.user], [initdb.database, initdb.owner])
    assert.deepEqual(values.database.passwordSecret, { name: `${name}-app`, key: 'password' })
    assert.deepEqual(values.database.tls.caSecret, { name: `${name}-ca`, key: 'ca.crt' })
  })

  it('makes the topics as the program wants them', () => {
    const made = ofKind('KafkaTopic')
    assert.deepEqual(
      made.map(({ metadata }) => metadata.name),
      topicSettings.map(({ name }) => name),
    )
    const nodes = Number(theOne('KafkaNodePool').spec['replicas'])
    for (const { metadata, spec } of made) {
      const settings = findTopicSettings(metadata.name) ?? assert.fail(metadata.name)
      const config = Object.entries(spec['config'] as object).map(([key, value]) => [key, String(value)])
      assert.deepEqual(Object.fromEntries(config), topicConfiguration(settings, nodes), metadata.name)
      assert.deepEqual([spec['partitions'], spec['replicas']], [settings.partitions, nodes], metadata.name)
    }
  })

  it('has disks on which all topics have room, with a quarter in reserve', () => {
    const { replicas, storage } = theOne('KafkaNodePool').spec as {
      replicas: number
      storage: { volumes: readonly { size: string }[] }
    }
    const gib = Number(/^(\d+)Gi$/.exec(storage.volumes[0]?.size ?? '')?.[1])
    const needed = topicSettings.reduce((sum, settings) => sum + diskNeed(settings, replicas), 0) / replicas / 2 ** 30
    assert.ok(needed * 1.25 <= gib, `${needed} GiB of ${gib} on each node`)
  })

  it('lets the user do with topics and groups what the services do, and nothing else', () => {
    const { acls } = theOne('KafkaUser').spec['authorization'] as { acls: readonly Rule[] }
    const rightsOn = (type: string, name: string) =>
      acls
        .filter(({ resource }) => resource.type === type && name.startsWith(resource.name ?? ''))
        .flatMap(({ operations }) => operations)
        .sort()
    for (const { name, groups } of topicSettings) {
      assert.deepEqual(rightsOn('topic', name), ['Describe', 'DescribeConfigs', 'Read', 'Write'], name)
      for (const group of groups)
        assert.deepEqual(rightsOn('group', groupIdOf(group, name)), ['Describe', 'Read'], group)
    }
    assert.deepEqual(rightsOn('topic', 'someone.else'), [])
    assert.deepEqual(rightsOn('group', 'someone.else'), [])
  })

  it('loses no acknowledged message and no commit with one node', () => {
    const { config } = theOne('Kafka').spec['kafka'] as { config: Readonly<Record<string, unknown>> }
    const nodes = Number(theOne('KafkaNodePool').spec['replicas'])
    assert.equal(config['default.replication.factor'], nodes)
    assert.equal(config['min.insync.replicas'], nodes - 1)
    assert.equal(config['unclean.leader.election.enable'], false)
    assert.equal(config['auto.create.topics.enable'], false)
    const { instances, postgresql } = theOne('Cluster').spec as {
      instances: number
      postgresql: { synchronous: Readonly<Record<string, unknown>> }
    }
    assert.ok(instances >= 3)
    assert.deepEqual(postgresql.synchronous, { method: 'any', number: 1, failoverQuorum: true })
  })

  it('holds no secret, and no image without an exact tag', () => {
    assert.deepEqual(ofKind('Secret'), [])
    assert.match(String(theOne('Cluster').spec['imageName']), /:\d+\.\d+-[\w-]+$/)
    assert.match(String((theOne('Kafka').spec['kafka'] as { version: string }).version), /^\d+\.\d+\.\d+$/)
  })
})
