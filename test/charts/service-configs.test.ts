import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { parse } from 'yaml'
import { parseConfig } from '../../services/shared/config/load-config.ts'
import { parseListenAddress } from '../../services/shared/rpc/listen-address.ts'
import { serviceSchemas } from '../support/service-schemas.ts'
import { type Manifest, nameOf, type PodSpec, podOf } from './support/manifest.ts'
import { mountedFiles } from './support/mounted-files.ts'
import { examples, renderChart, type Values } from './support/render-chart.ts'

/** A service as a pod of the chart runs it. */
interface Served {
  readonly name: string
  readonly service: string
  readonly pod: PodSpec
  /** As the service itself reads its file. */
  readonly config: Readonly<Record<string, unknown>> & { readonly drainTimeoutMs: number }
}

function readServed(manifests: readonly Manifest[]): Served[] {
  const texts = new Map(
    manifests.filter(({ kind }) => kind === 'ConfigMap').map((map) => [map.metadata.name, map.data]),
  )
  return manifests
    .filter(({ kind }) => kind === 'Deployment')
    .map((manifest) => {
      const name = nameOf(manifest)
      const pod = podOf(manifest) ?? assert.fail(`${name} has no pod`)
      const [verb, service = '', option, file = ''] = pod.containers[0]?.args ?? []
      assert.deepEqual([verb, option], ['serve', '--config'], name)
      const path = /^\/etc\/pelletline\/config\/(.+)$/.exec(file)?.[1] ?? assert.fail(`${name} reads ${file}`)
      const map = pod.volumes.find((volume) => volume.name === 'config')?.configMap?.name ?? ''
      const text = texts.get(map)?.[path] ?? assert.fail(`${name}: ConfigMap ${map} has no ${path}`)
      const schema = serviceSchemas[service] ?? assert.fail(`${name} serves ${service}`)
      return { name, service, pod, config: parseConfig(schema, parse(text), name) as Served['config'] }
    })
}

/** Every string of a configuration, with its path. */
function* texts(value: unknown, path = ''): Generator<readonly [path: string, text: string]> {
  if (typeof value === 'string') yield [path, value]
  else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) yield* texts(inner, `${path}.${key}`)
  }
}

describe('models of the services', () => {
  const modelsOf = async (values: Values) => {
    const served = readServed(await renderChart(values))
    const configOf = (wanted: string) => served.find(({ service }) => service === wanted)?.config as never
    const student = configOf('student-inference') as {
      readonly student: { readonly models: { readonly folder?: object } }
    }
    const { modelPaths, modelsDir } = configOf('analytics') as {
      readonly modelPaths: string[]
      readonly modelsDir?: object
    }
    return { modelPaths, modelsDir, folder: student.student.models.folder }
  }
  const modelPaths = ['models/student-5-int8.onnx', 'models']

  it('are corrected by the manifests of all released models, with a bucket and without', async () => {
    assert.deepEqual(await modelsOf({}), { modelPaths, modelsDir: undefined, folder: undefined })
    const { modelsDir, folder, ...rest } = await modelsOf({ models: { s3: { bucket: 'pelletline-models' } } })
    assert.deepEqual([rest.modelPaths, modelsDir], [modelPaths, folder])
  })

  it('may lie in a bucket whose name looks like a number', async () => {
    const { modelsDir } = await modelsOf({ models: { s3: { bucket: '2026' } } })
    assert.equal((modelsDir as { bucket: string }).bucket, '2026')
  })
})

for (const { name: example, values } of examples) {
  describe(`configuration of the services, ${example}`, () => {
    let manifests: readonly Manifest[] = []
    let served: readonly Served[] = []
    before(async () => {
      manifests = await renderChart(values)
      served = readServed(manifests)
    })

    it('is what each service takes, one gateway per line and one of every other service', () => {
      const lines = (values['lines'] as unknown[] | undefined)?.length ?? 1
      const counts = Object.groupBy(served, ({ service }) => service)
      const simulated = (values['lineSimulator'] as { enabled?: boolean } | undefined)?.enabled === true
      for (const service of Object.keys(serviceSchemas)) {
        const perLine = service === 'camera-gateway' || service === 'line-simulator'
        const expected = service === 'line-simulator' && !simulated ? 0 : perLine ? lines : 1
        assert.equal(counts[service]?.length ?? 0, expected, service)
      }
    })

    it('listens where the container, its probes and its Service say', () => {
      for (const { name, pod, config, service } of served) {
        if (service === 'line-simulator') continue
        const container = pod.containers[0] ?? assert.fail(name)
        const port = (listen: unknown) => Number(parseListenAddress(String(listen)).split(':').at(-1))
        const named = new Map(container.ports?.map((entry) => [entry.name, entry.containerPort]))
        assert.match(String(config['listen']), /^0\.0\.0\.0:/, `${name} must listen on more than loopback`)
        assert.equal(named.get('grpc'), port(config['listen']), name)
        if (config['restListen'] !== undefined) assert.equal(named.get('http-rest'), port(config['restListen']), name)
        const { prometheusListen } = (config['telemetry'] ?? {}) as { prometheusListen?: string }
        assert.equal(named.get('metrics'), prometheusListen === undefined ? undefined : port(prometheusListen), name)
        for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
          assert.equal(probe?.grpc.port, port(config['listen']), name)
        }
        const [object] = manifests.filter(
          (manifest) => manifest.kind === 'Service' && `Deployment/${manifest.metadata.name}` === name,
        )
        assert.deepEqual(
          object?.spec?.ports?.map((entry) => [entry.name, entry.port, entry.targetPort]),
          [...named].filter(([key]) => key !== 'metrics').map(([key, value]) => [key, value, key]),
          name,
        )
      }
    })

    it('calls other services by addresses that exist', () => {
      const addresses = new Set(
        manifests
          .filter(({ kind }) => kind === 'Service')
          .flatMap(({ metadata, spec }) => (spec?.ports ?? []).map(({ port }) => `${metadata.name}:${port}`)),
      )
      let called = 0
      for (const { name, config } of served) {
        for (const key of ['segmentationAddress', 'registryAddress', 'gatewayAddress']) {
          const address = config[key]
          if (address === undefined) continue
          called += 1
          assert.ok(addresses.has(String(address)), `${name}: nothing offers ${key} ${String(address)}`)
        }
      }
      assert.ok(called >= 3, 'gateway and student call others')
    })

    it('names no file that is not mounted', () => {
      for (const { name, config, pod } of served) {
        const files = mountedFiles(pod)
        for (const [path, text] of texts(config)) {
          if (text.startsWith('/etc/')) assert.ok(files.has(text), `${name}: ${path} is ${text}, which nothing mounts`)
        }
      }
    })

    it('drains within the time that the pod is given', () => {
      for (const { name, config, pod } of served) {
        const pause = pod.containers[0]?.lifecycle?.preStop.sleep.seconds ?? 0
        const grace = pod.terminationGracePeriodSeconds ?? 0
        assert.ok(
          pause + config.drainTimeoutMs / 1000 + 15 <= grace,
          `${name}: ${grace} s for ${config.drainTimeoutMs} ms`,
        )
      }
    })
  })
}
