import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { analyticsConfigSchema } from '../../services/analytics/config.ts'
import { busConfigSchema } from '../../services/shared/bus/bus-config.ts'
import { parseConfig } from '../../services/shared/config/load-config.ts'
import { type Manifest, nameOf, podOf } from './support/manifest.ts'
import { mountedFiles } from './support/mounted-files.ts'
import { examples, renderChart } from './support/render-chart.ts'

const hook = 'helm.sh/hook'

const jobs = (manifests: readonly Manifest[]) => manifests.filter(({ kind }) => kind === 'Job')
const weightOf = ({ metadata }: Manifest) => Number(metadata.annotations?.[`${hook}-weight`])

describe('jobs before an installation or upgrade', () => {
  it('bring the database up to date before the topics, both before any service', async () => {
    const found = jobs(await renderChart()).sort((a, b) => weightOf(a) - weightOf(b))
    assert.deepEqual(
      found.map((job) => podOf(job)?.containers[0]?.args.join(' ')),
      [
        'database migrate --config /etc/pelletline/config/migrate.yaml',
        'topics apply --plant plant-1 --bus-config /etc/pelletline/config/topics.yaml',
      ],
    )
    for (const { metadata } of found) assert.equal(metadata.annotations?.[hook], 'pre-install,pre-upgrade')
  })

  it('have configurations as their commands read them, of the broker and the database that the services use', async () => {
    for (const { values } of examples) {
      const maps = new Map(
        (await renderChart(values)).flatMap(({ kind, data }) =>
          kind === 'ConfigMap' ? Object.entries(data ?? {}) : [],
        ),
      )
      const read = (file: string) => parse(maps.get(file) ?? 'null') as unknown
      const analytics = parseConfig(analyticsConfigSchema, read('analytics.yaml'), 'analytics.yaml')
      if (maps.has('topics.yaml')) {
        assert.deepEqual(parseConfig(busConfigSchema, read('topics.yaml'), 'topics.yaml'), analytics.bus)
      }
      const { database } = parseConfig(analyticsConfigSchema, read('migrate.yaml'), 'migrate.yaml')
      assert.deepEqual({ ...database, migrate: false }, analytics.database)
    }
  })

  it('have what they need made before them: account and configuration are hooks that come first', async () => {
    for (const { values } of examples) {
      const manifests = await renderChart(values)
      for (const job of jobs(manifests)) {
        const pod = podOf(job) ?? assert.fail(nameOf(job))
        const needed = [
          `ServiceAccount/${pod.serviceAccountName}`,
          ...pod.volumes.flatMap(({ configMap }) => (configMap === undefined ? [] : [`ConfigMap/${configMap.name}`])),
        ]
        assert.equal(needed.length, 2)
        for (const name of needed) {
          const object = manifests.find((manifest) => nameOf(manifest) === name) ?? assert.fail(name)
          assert.equal(object.metadata.annotations?.[hook], job.metadata.annotations?.[hook], name)
          assert.ok(weightOf(object) < weightOf(job), name)
        }
      }
    }
  })

  it('read their secrets from mounted files', async () => {
    for (const { values } of examples) {
      const manifests = await renderChart(values)
      for (const job of jobs(manifests)) {
        const files = mountedFiles(podOf(job) ?? assert.fail(nameOf(job)))
        const map = manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === job.metadata.name)
        const named = Object.values(map?.data ?? {}).flatMap(
          (text) => text.match(/\/etc\/pelletline\/secrets\/\S+/g) ?? [],
        )
        for (const file of named) assert.ok(files.has(file), `${nameOf(job)}: ${file}`)
      }
    }
  })

  it('can be left out', async () => {
    assert.deepEqual(jobs(await renderChart({ jobs: { migrate: false, topics: false } })), [])
  })
})
