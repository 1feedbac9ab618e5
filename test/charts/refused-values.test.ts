import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { withServiceConfigs } from '../../scripts/chart/values-schema.ts'
import { chart, templateChart, type Values } from './support/render-chart.ts'

/** What Helm says of values that it refuses. */
async function refusal(values: Values): Promise<string> {
  const { code, stdout, stderr } = await templateChart(values)
  assert.notEqual(code, 0, 'the values were taken')
  assert.equal(stdout, '')
  return stderr
}

const cases: readonly (readonly [name: string, values: Values, said: RegExp])[] = [
  ['a key that does not exist', { line: [{ name: 'a' }] }, /additional properties 'line' not allowed/],
  [
    'such a key of a service',
    { cameraGateway: { replicas: 2 } },
    /\/cameraGateway'?: additional properties 'replicas' not allowed/,
  ],
  [
    'a text for a number',
    { studentInference: { replicas: 'two' } },
    /\/studentInference\/replicas'?: got string, want/,
  ],
  [
    'a number out of range',
    { analytics: { drainTimeoutMs: -1 } },
    /\/analytics\/drainTimeoutMs'?: minimum: got -1, want 0/,
  ],
  ['no line at all', { lines: [] }, /\/lines'?: minItems: got 0, want 1/],
  ['a name that is none', { lines: [{ name: '-a' }] }, /\/lines\/0\/name'?: '-a' does not match pattern/],
  ['an image without an exact tag', { image: { tag: 'latest' } }, /\/image\/tag'?: 'not' failed/],
  [
    'a tag within the repository',
    { image: { repository: 'pelletline:1' } },
    /\/image\/repository'?: .*does not match pattern/,
  ],
  [
    'a password in the values',
    { kafka: { sasl: { password: 'x' } } },
    /\/kafka\/sasl'?: additional properties 'password'/,
  ],
  [
    'a key of a bucket without its secret',
    { models: { s3: { bucket: 'plant-1', accessKeyId: 'reader' } } },
    /\/models\/s3\/secretKeySecret\/name'?: .*does not match pattern/,
  ],
  [
    'what the chart decides: an address',
    { analytics: { config: { listen: ':1' } } },
    /\/analytics\/config\/listen'?: false schema/,
  ],
  [
    'what the chart decides: a model',
    { studentInference: { config: { student: { modelPath: 'x' } } } },
    /modelPath'?: false schema/,
  ],
  [
    'what the service would refuse: a key that it does not know',
    { analytics: { config: { analytics: { maxLine: 9 } } } },
    /\/analytics\/config\/analytics'?: additional properties 'maxLine' not allowed/,
  ],
  [
    'what the service would refuse: a value out of range',
    { studentInference: { config: { student: { workers: 0 } } } },
    /\/studentInference\/config\/student\/workers'?: minimum: got 0, want 1/,
  ],
  ['a level of logging that is none', { logLevel: 'loud' }, /\/logLevel'?: value must be one of/],
  [
    'two lines of one name',
    { lines: [{ name: 'A_1' }, { name: 'a-1' }] },
    /lines "A_1" and "a-1" would both be called "a-1"/,
  ],
  [
    'a line whose objects have no room for its name',
    { lines: [{ name: 'l'.repeat(60) }] },
    /is longer than the 63 characters/,
  ],
]

describe('values', () => {
  for (const [name, values, said] of cases) {
    it(`are refused for ${name}`, async () => {
      assert.match(await refusal(values), said)
    })
  }

  it('an older Kubernetes is refused by its version', async () => {
    const { code, stderr } = await templateChart({}, '1.29.4')
    assert.notEqual(code, 0)
    assert.match(stderr, /requires kubeVersion: >=1\.30\.0-0 which is incompatible with Kubernetes v1\.29\.4/)
  })

  it('the schema has the services as their own configuration is now', () => {
    const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as { $defs: object }
    const message =
      'charts/pelletline/values.schema.json is not what services/*/config.ts say: run `npm run chart-schema`'
    assert.deepEqual(withServiceConfigs(schema), schema, message)
  })

  it('every key of values.yaml is in the schema with a type, and every object of the schema is closed', () => {
    const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as Schema
    const values = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as Values
    const known = new Set(Object.keys(schema.properties ?? {}))
    for (const key of Object.keys(values)) assert.ok(known.has(key), key)
    for (const key of known) assert.ok(key === 'global' || key in values, `${key} has no default in values.yaml`)
    for (const [key, { type, additionalProperties }] of Object.entries(schema.properties ?? {})) {
      if (type === 'object' && key !== 'global') assert.equal(additionalProperties, false, key)
    }
  })
})

interface Schema {
  readonly type?: string
  readonly additionalProperties?: boolean
  readonly properties?: Readonly<Record<string, Schema>>
}
