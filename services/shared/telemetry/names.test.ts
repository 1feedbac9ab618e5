import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { attributes, metrics, spans } from './names.ts'

describe('telemetry names', () => {
  const all = Object.values(metrics)

  it('metrics are valid Prometheus names and each is there once', () => {
    for (const { name, labels } of all) {
      assert.match(name, /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/)
      for (const label of labels) assert.match(label, /^[a-z][a-z0-9_]*$/)
    }
    assert.equal(new Set(all.map(({ name }) => name)).size, all.length)
  })

  it('metrics end with their unit, and counters with _total', () => {
    for (const { name, kind, unit } of all) {
      assert.equal(name.endsWith('_total'), kind === 'counter', name)
      if (unit !== '') assert.ok(name.endsWith(`_${unit}`), name)
    }
  })

  it('no metric is named like a sample of another, which OpenMetrics refuses', () => {
    const families = all.map(({ name, kind }) => (kind === 'counter' ? name.replace(/_total$/, '') : name))
    const suffixes = ['', '_total', '_created', '_count', '_sum', '_bucket', '_gcount', '_gsum', '_info']
    const samples = families.flatMap((family) => suffixes.map((suffix) => `${family}${suffix}`))
    assert.equal(new Set(samples).size, samples.length)
  })

  it('every metric stands in docs/telemetry.md as it is', () => {
    const guide = readFileSync(new URL('../../../docs/telemetry.md', import.meta.url), 'utf8')
    for (const { name, kind, help, labels } of all) {
      const row = `| \`${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`
      assert.ok(guide.includes(row), row)
    }
  })

  it('no label has unbounded values', () => {
    const unbounded = new Set(['strip', 'lot', 'run', 'pellet', 'index', 'key'])
    for (const { name, labels } of all)
      assert.deepEqual(
        labels.filter((label) => unbounded.has(label)),
        [],
        name,
      )
  })

  it('spans and attributes are each there once', () => {
    for (const names of [Object.values(spans), Object.values(attributes)]) {
      assert.equal(new Set<string>(names).size, names.length)
      for (const name of names) assert.match(name, /^[a-z]+(\.[a-z_]+)+$/)
    }
  })
})
