import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { describe, it } from 'node:test'
import { checkLength, findViolations, formatViolation } from './import-rules.ts'
import { readImports, stripComments } from './read-imports.ts'

const root = join(import.meta.dirname, '../..')

function readFiles(pattern: string) {
  return globSync(pattern, { cwd: root, exclude: (name) => name === 'node_modules' }).map((file) => ({
    path: file.split(sep).join('/'),
    source: readFileSync(join(root, file), 'utf8'),
  }))
}

describe('architecture', () => {
  it('every file below services/ keeps the import rules', () => {
    const files = readFiles('services/**/*.ts')
    assert.ok(
      files.some(({ path }) => path === 'services/shared/rpc/types.ts'),
      'the files were not found',
    )
    const violations = files.flatMap(findViolations)
    assert.deepEqual(violations.map(formatViolation), [])
  })

  it('no file of tests and benchmarks is too long', () => {
    const violations = ['test/**/*.ts', 'bench/**/*.ts'].flatMap(readFiles).flatMap(checkLength)
    assert.deepEqual(violations.map(formatViolation), [])
  })
})

describe('readImports', () => {
  it('finds every form of import with its line', () => {
    const source = [
      "import a from 'one'",
      'import {',
      '  type b,',
      '  c,',
      "} from 'two'",
      "import type { d } from '@scope/three/deep.js'",
      "import 'four'",
      "export { e } from './five.ts'",
      "export type { f } from './six.ts'",
      "export * from './seven.ts'",
      "const g = await import('./eight.ts')",
      "const worker = new Worker(new URL('./nine.ts', import.meta.url), {})",
      "let h: import('./ten.ts').H",
      "import * as i from 'eleven'",
      "const j = createRequire(import.meta.url).resolve('twelve/package.json')",
    ].join('\n')
    const found = readImports(source)
      .map(({ specifier, line }) => `${line} ${specifier}`)
      .sort((left, right) => Number.parseInt(left, 10) - Number.parseInt(right, 10))
    assert.deepEqual(found, [
      '1 one',
      '2 two',
      '6 @scope/three/deep.js',
      '7 four',
      '8 ./five.ts',
      '9 ./six.ts',
      '10 ./seven.ts',
      '11 ./eight.ts',
      '12 ./nine.ts',
      '13 ./ten.ts',
      '14 eleven',
      '15 twelve/package.json',
    ])
  })

  it('is not misled by comments, texts and regular expressions', () => {
    const source = [
      "// import a from 'one'",
      "/* import b from 'two'",
      "   import c from 'three' */",
      "const quotes = /['\"`]/ // it's fine",
      'const half = total / 2 / count',
      "const text = `import d from 'four'`",
      "const e = 'an import of \\'five\\''",
      "import f from 'six'",
      'const exported = 3',
    ].join('\n')
    assert.deepEqual(readImports(source), [{ specifier: 'six', line: 8 }])
    assert.equal(stripComments(source).split('\n').length, source.split('\n').length)
  })
})

describe('findViolations', () => {
  const broken = (path: string, source: string) => findViolations({ path, source }).map(({ subject }) => subject)

  it('keeps each vendor package in its folder', () => {
    const cases: [string, string, boolean][] = [
      ['@grpc/grpc-js', 'services/shared/rpc/a.ts', true],
      ['@grpc/grpc-js', 'services/analytics/a.ts', false],
      ['onnxruntime-node', 'services/shared/onnx/a.ts', true],
      ['onnxruntime-node', 'services/shared/images/a.ts', false],
      ['kysely', 'services/shared/store/a.ts', true],
      ['kysely/helpers/postgres', 'services/analytics/a.ts', false],
      ['@electric-sql/pglite', 'services/analytics/a.ts', false],
      ['sharp', 'services/shared/images/a.ts', true],
      ['sharp', 'services/cli/a.ts', false],
      ['pino', 'services/plant/a.ts', false],
      ['@opentelemetry/api', 'services/shared/telemetry/a.ts', true],
      ['zod', 'services/analytics/config.ts', true],
      ['zod', 'services/shared/onnx/model-manifest.ts', true],
      ['zod', 'services/analytics/a.ts', false],
      ['commander', 'services/cli/a.ts', true],
      ['commander', 'services/plant/a.ts', false],
      ['kafkajs', 'services/shared/bus/a.ts', false],
      ['fast-check', 'services/shared/bus/a.test.ts', true],
      ['fast-check', 'services/shared/bus/a.ts', false],
      ['left-pad', 'services/shared/bus/a.ts', false],
      ['node:fs', 'services/shared/bus/a.ts', true],
    ]
    for (const [specifier, path, allowed] of cases) {
      assert.deepEqual(
        broken(path, `import a from '${specifier}'`),
        allowed ? [] : [specifier],
        `${specifier} in ${path}`,
      )
    }
  })

  it('keeps services apart, shared below them, and generated code alone', () => {
    const cases: [string, string, boolean][] = [
      ['services/analytics/a.ts', './b.ts', true],
      ['services/analytics/deep/a.ts', '../b.ts', true],
      ['services/analytics/a.ts', '../shared/bus/bus.ts', true],
      ['services/analytics/a.ts', '../gen/pelletline/x_pb.ts', true],
      ['services/analytics/a.ts', '../teacher-audit/index.ts', false],
      ['services/analytics/a.test.ts', '../teacher-audit/index.ts', false],
      ['services/plant/a.ts', '../analytics/index.ts', true],
      ['services/cli/a.ts', '../analytics/index.ts', true],
      ['services/shared/bus/a.ts', '../rpc/b.ts', true],
      ['services/shared/bus/a.ts', '../../analytics/index.ts', false],
      ['services/gen/a_pb.ts', './b_pb.ts', true],
      ['services/gen/a_pb.ts', '../shared/bus/bus.ts', false],
      ['services/gen/a_pb.ts', 'node:fs', false],
      ['services/analytics/a.ts', '../../scripts/setup.mjs', false],
      ['services/analytics/a.test.ts', '../../test/support/with-server.ts', true],
    ]
    for (const [path, specifier, allowed] of cases) {
      assert.deepEqual(
        broken(path, `import a from '${specifier}'`),
        allowed ? [] : [specifier],
        `${specifier} in ${path}`,
      )
    }
  })

  it('counts the file that a worker starts with as an import', () => {
    const source = "new Worker(new URL('../teacher-audit/worker.ts', import.meta.url))"
    assert.deepEqual(broken('services/analytics/a.ts', source), ['../teacher-audit/worker.ts'])
  })

  it('refuses export all, the environment, and files past 400 lines', () => {
    assert.deepEqual(broken('services/analytics/index.ts', "export * from './a.ts'"), ['export *'])
    assert.deepEqual(broken('services/analytics/a.ts', 'const a = process.env.HOME'), ['process.env'])
    assert.deepEqual(broken('services/cli/a.ts', 'const a = process.env.HOME'), [])
    assert.deepEqual(broken('services/analytics/a.ts', '// process.env stays out'), [])
    assert.deepEqual(broken('services/analytics/a.ts', '\n'.repeat(400)), [])
    assert.deepEqual(broken('services/analytics/a.ts', '\n'.repeat(401)), ['401 lines'])
    assert.deepEqual(broken('services/gen/a_pb.ts', '\n'.repeat(401)), [])
  })

  it('names file, line, import and rule', () => {
    const [violation] = findViolations({ path: 'services/analytics/a.ts', source: "\nimport pino from 'pino'" })
    assert.equal(
      formatViolation(violation ?? assert.fail('no violation')),
      'services/analytics/a.ts:2: pino: telemetry belongs to services/shared/telemetry',
    )
  })
})
