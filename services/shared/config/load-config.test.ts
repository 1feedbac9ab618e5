import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { z } from 'zod'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { correctOptions, loadConfig, parseConfig } from './load-config.ts'

const schema = z.strictObject({
  listen: z.string().default('127.0.0.1:50051'),
  level: z.enum(['debug', 'info']).default('info'),
  limits: z.strictObject({ maxBytes: z.int().min(1).max(100).default(10) }).prefault({}),
  cameras: z.array(z.strictObject({ id: z.string().min(1), umPerPx: z.number().positive() })).default([]),
  bus: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('memory') }),
      z.strictObject({ kind: z.literal('kafka'), brokers: z.array(z.string()) }),
    ])
    .default({ kind: 'memory' }),
})

function refusal(config: unknown): PelletlineError {
  try {
    parseConfig(schema, config, 'plant.yaml')
  } catch (error) {
    assert.ok(error instanceof PelletlineError)
    assert.equal(error.code, 'invalid_argument')
    return error
  }
  return assert.fail('the configuration was accepted')
}

describe('parseConfig', () => {
  it('fills in the defaults', () => {
    const config = parseConfig(schema, {}, 'plant.yaml')
    assert.deepEqual(config, {
      listen: '127.0.0.1:50051',
      level: 'info',
      limits: { maxBytes: 10 },
      cameras: [],
      bus: { kind: 'memory' },
    })
  })

  it('asks for the file to be corrected, or for what the caller says', () => {
    assert.match(refusal({ level: 'loud' }).message, /^plant\.yaml has a problem; correct the file and start again:\n/)
    assert.throws(() => parseConfig(schema, { level: 'loud' }, '--level', correctOptions), {
      message: /^--level has a problem; correct the options and start again:\n/,
    })
  })

  it('lists every problem with key, value and what is valid', () => {
    const error = refusal({
      level: 'loud',
      limits: { maxBytes: 0, maxByte: 3 },
      cameras: [
        { id: '', umPerPx: '3' },
        { id: 'a', umPerPx: 0 },
      ],
      bus: { kind: 'kafka' },
      liste: 'x',
    })
    assert.deepEqual(
      error.violations.map(({ field, description }) => `${field}: ${description}`),
      [
        'level: found "loud"; valid is: "debug", "info"',
        'limits.maxBytes: found 0; valid is: at least 1',
        'limits.maxByte: the key is not known; valid is: maxBytes',
        'cameras[0].id: found ""; valid is: at least 1 character',
        'cameras[0].umPerPx: found "3"; valid is: number',
        'cameras[1].umPerPx: found 0; valid is: above 0',
        'bus.brokers: found nothing; valid is: array',
        'liste: the key is not known; valid is: listen, level, limits, cameras, bus',
      ],
    )
    assert.match(error.message, /^plant\.yaml has 8 problems/)
    for (const { field } of error.violations) assert.ok(error.message.includes(`  ${field}: `))
  })

  it('refuses what is no object at all', () => {
    assert.match(refusal([1]).message, /plant\.yaml has a problem.*\n {2}\(as a whole\): found \[1\]; valid is: object/)
  })

  it('shows numbers that JSON has no word for', () => {
    const [violation] = refusal({ limits: { maxBytes: Number.NaN } }).violations
    assert.equal(violation?.description, 'found NaN; valid is: number')
  })

  it('shortens long values', () => {
    const [violation] = refusal({ level: 'x'.repeat(1000) }).violations
    assert.ok((violation?.description.length ?? 0) < 200)
  })
})

describe('loadConfig', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pelletline-config-'))
  after(() => rmSync(folder, { recursive: true }))
  const file = (name: string, text: string) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  const load = (path: string) => loadConfig(schema, path, { service: 'analytics' })

  it('reads YAML and JSON', () => {
    const yaml = load(file('a.yaml', 'limits:\n  maxBytes: 7 # bytes\ncameras:\n  - { id: a, umPerPx: 50 }\n'))
    const json = load(file('a.json', '{"limits": {"maxBytes": 7}, "cameras": [{"id": "a", "umPerPx": 50}]}'))
    assert.equal(yaml.limits.maxBytes, 7)
    assert.deepEqual(yaml, json)
  })

  it('takes an empty file for all defaults', () => {
    assert.equal(load(file('empty.yaml', '# nothing yet\n')).limits.maxBytes, 10)
  })

  it('names file, line and column of a text that is not YAML', () => {
    const path = file('bad.yaml', 'listen: a\nlimits: [1, 2\nlevel: info\n')
    assert.throws(
      () => load(path),
      (error) => {
        assert.ok(error instanceof PelletlineError)
        assert.equal(error.code, 'invalid_argument')
        assert.match(error.message.replace(path, 'FILE'), /^FILE:3:1 is not YAML: /)
        return true
      },
    )
  })

  it('refuses aliases that would grow without bound', () => {
    const rows = Array.from({ length: 8 }, (_, i) => `k${i + 1}: &k${i + 1} [${Array(9).fill(`*k${i}`).join(', ')}]`)
    const path = file('aliases.yaml', `k0: &k0 [x, x]\n${rows.join('\n')}\n`)
    assert.throws(() => load(path), { code: 'invalid_argument', message: /aliases\.yaml cannot be read as YAML/ })
  })

  it('refuses a key that is given twice', () => {
    const path = file('twice.yaml', 'listen: a\nlisten: b\n')
    assert.throws(() => load(path), { code: 'invalid_argument', message: /:2:1 is not YAML: .*unique/ })
  })

  it('names the file, the problem and the service in what it refuses', () => {
    const path = file('unknown.yaml', 'liste: a\n')
    assert.throws(() => load(path), { code: 'invalid_argument', message: /unknown\.yaml has a problem.*\n {2}liste: / })
    const missing = join(folder, 'missing.yaml')
    assert.throws(() => load(missing), {
      code: 'not_found',
      message: /missing\.yaml, the configuration of analytics, /,
    })
    assert.throws(() => load(folder), { code: 'invalid_argument', message: /cannot be read/ })
  })
})
