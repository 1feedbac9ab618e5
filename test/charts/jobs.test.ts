import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
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
      found.map((job) => podOf(job)?.containers[0]?.args.slice(0, 2)),
      [
        ['database', 'migrate'],
        ['topics', 'apply'],
      ],
    )
    for (const { metadata } of found) assert.equal(metadata.annotations?.[hook], 'pre-install,pre-upgrade')
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
