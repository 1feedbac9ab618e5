import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { analyticsConfigSchema } from '../../services/analytics/config.ts'
import { cameraGatewayConfigSchema } from '../../services/camera-gateway/config.ts'
import { lineSimulatorConfigSchema } from '../../services/line-simulator/config.ts'
import { roiSegmentationConfigSchema } from '../../services/roi-segmentation/config.ts'
import { diskNeed, limitRetention, topicSettings } from '../../services/shared/bus/topic-settings.ts'
import { loadConfig } from '../../services/shared/config/load-config.ts'
import { readReleasedModels } from '../../services/shared/onnx/released-models.ts'
import { studentInferenceConfigSchema } from '../../services/student-inference/config.ts'
import { teacherAuditConfigSchema } from '../../services/teacher-audit/config.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

/** What the tests look at of a service of the compose file. */
interface ComposeService {
  readonly image: string
  readonly command?: readonly string[]
  readonly ports?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly read_only?: boolean
  readonly init?: boolean
  readonly entrypoint?: readonly string[]
  readonly user?: string
}

const compose = parse(read('compose.yaml'), { merge: true }) as {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly secrets: Readonly<Record<string, { readonly environment: string }>>
}
const { services } = compose

const load = <Schema extends Parameters<typeof loadConfig>[0]>(schema: Schema, name: string) =>
  loadConfig(schema, join(root, 'compose', `${name}.yaml`), { service: name })

const configs = {
  'camera-gateway': load(cameraGatewayConfigSchema, 'camera-gateway'),
  'roi-segmentation': load(roiSegmentationConfigSchema, 'roi-segmentation'),
  'student-inference': load(studentInferenceConfigSchema, 'student-inference'),
  'teacher-audit': load(teacherAuditConfigSchema, 'teacher-audit'),
  analytics: load(analyticsConfigSchema, 'analytics'),
}
const lines = {
  'line-1': load(lineSimulatorConfigSchema, 'line-1'),
  'line-2': load(lineSimulatorConfigSchema, 'line-2'),
}

const portOf = (address: string) => address.slice(address.lastIndexOf(':') + 1)

describe('compose.yaml', () => {
  it('runs every service by a configuration that the service itself accepts', () => {
    const served = Object.entries(services).filter(([, { command }]) => command?.[0] === 'serve')
    assert.deepEqual(served.map(([name]) => name).sort(), [...Object.keys(configs), ...Object.keys(lines)].sort())
    for (const [name, { command, read_only }] of served) {
      const [, service, , file] = command!
      assert.equal(service, name.startsWith('line-') ? 'line-simulator' : name)
      assert.equal(file, `/etc/pelletline/config/${name}.yaml`)
      assert.equal(read_only, true)
    }
  })

  it('lets every service find its peers, the broker and the database', () => {
    const listens = (service: keyof typeof configs) => `${service}:${portOf(configs[service].listen)}`
    assert.equal(configs['camera-gateway'].registryAddress, listens('analytics'))
    assert.equal(configs['camera-gateway'].segmentationAddress, listens('roi-segmentation'))
    assert.equal(configs['student-inference'].registryAddress, listens('analytics'))
    for (const line of Object.values(lines)) assert.equal(line.gatewayAddress, listens('camera-gateway'))
    const broker = services['kafka']!.environment!['KAFKA_ADVERTISED_LISTENERS']!.replace('PLAINTEXT://', '')
    for (const name of ['roi-segmentation', 'student-inference', 'teacher-audit', 'analytics'] as const) {
      const { bus } = configs[name]
      assert.deepEqual(bus.kind === 'kafka' && bus.brokers, [broker], name)
    }
    const { database } = configs.analytics
    assert.ok(database.kind === 'postgres')
    const { environment } = services['postgres']!
    assert.equal(database.address, 'postgres:5432')
    assert.equal(database.user, environment!['POSTGRES_USER'])
    assert.equal(database.database, environment!['POSTGRES_DB'])
    assert.equal(database.passwordFile, environment!['POSTGRES_PASSWORD_FILE'])
    assert.deepEqual(services['analytics']!.secrets, Object.keys(compose.secrets))
    const plants = new Set(Object.values(configs).map(({ plant }) => plant))
    const { command } = services['topics']!
    assert.deepEqual([...plants], [command![command!.indexOf('--plant') + 1]])
    assert.equal(command![command!.indexOf('--brokers') + 1], broker)
  })

  it('caps the topics, so that a plant left running does not fill the disk of its machine', () => {
    const { command } = services['topics']!
    const capMib = Number(command![command!.indexOf('--max-partition-mib') + 1])
    const topics = limitRetention(topicSettings, capMib * 1024 ** 2)
    const bytes = topics.reduce((sum, topic) => sum + diskNeed(topic, 1), 0)
    assert.ok(bytes < 15 * 1024 ** 3, `${bytes}`)
  })

  it('asks every server for its health where it listens, and publishes ports on this machine only', () => {
    for (const [name, config] of Object.entries(configs)) {
      const { healthcheck, ports = [] } = services[name]!
      assert.deepEqual(healthcheck!.test.slice(-2), ['health', `127.0.0.1:${portOf(config.listen)}`], name)
      for (const port of ports) assert.match(port, /^127\.0\.0\.1:(\d+):\1$/)
    }
    for (const [name, { depends_on = {} }] of Object.entries(services)) {
      for (const [peer, { condition }] of Object.entries(depends_on)) {
        assert.ok(peer in services, `${name} depends on ${peer}`)
        assert.equal(condition === 'service_healthy', services[peer]!.healthcheck !== undefined, `${name}: ${peer}`)
      }
    }
  })

  it('names images by exact version, ours by the version of the program, the others as the tests run them', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string }
    const kafka = /<version>(4\.\d+\.\d+)<\/version>/.exec(read('services/shared/bus/broker/pom.xml'))![1]
    for (const [name, { image }] of Object.entries(services)) {
      if (name === 'kafka') assert.equal(image, `apache/kafka:${kafka}`)
      else if (name === 'postgres') assert.match(image, /^postgres:18\.\d+-bookworm$/)
      else assert.equal(image, `pelletline:${version}`, name)
    }
  })

  it('leaves the init to the image, which has one', () => {
    for (const [name, { image, init, entrypoint }] of Object.entries(services)) {
      if (image.startsWith('pelletline:')) assert.deepEqual([init, entrypoint], [undefined, undefined], name)
    }
  })

  it('runs the released models', () => {
    const released = readReleasedModels('models')
    assert.equal(configs['student-inference'].student.modelPath, released.student)
    assert.deepEqual(configs['teacher-audit'].teachers.modelPaths, released.teachers)
    assert.deepEqual(configs.analytics.modelPaths, [released.student])
  })
})

describe('Dockerfile', () => {
  const dockerfile = read('Dockerfile')

  it('builds on the Node of the project, runs as nobody in particular, and copies what is there', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base)
    assert.deepEqual([...new Set(bases)], [`node:${dependencies['node']}-bookworm-slim`])
    assert.match(dockerfile, /apt-get install [^\n&]*\btini\b/)
    assert.match(dockerfile, /^USER 10001:10001$/m)
    assert.match(dockerfile, /^ENTRYPOINT \["tini", "--", "node", "\/app\/services\/cli\/main\.ts"\]$/m)
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files]) => files!.split(' '))
    const allowed = read('.dockerignore').split('\n')
    for (const file of copied) {
      assert.ok(existsSync(join(root, file)), file)
      assert.ok(allowed.includes(`!${file}`), `.dockerignore leaves ${file} out`)
    }
  })
})
