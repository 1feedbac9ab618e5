import { posix } from 'node:path'
import { readImports, stripComments } from './read-imports.ts'

/** A source file: path relative to the repository's root with forward slashes, and its text. */
export interface SourceFile {
  readonly path: string
  readonly source: string
}

export interface Violation {
  readonly path: string
  readonly line: number
  /** The import or the construct. */
  readonly subject: string
  /** The rule that it breaks. */
  readonly rule: string
}

type Where = (path: string) => boolean

const within =
  (...folders: string[]): Where =>
  (path) =>
    folders.some((folder) => path.startsWith(`services/${folder}/`))

const named =
  (pattern: RegExp): Where =>
  (path) =>
    pattern.test(posix.basename(path))

const any =
  (...places: Where[]): Where =>
  (path) =>
    places.some((place) => place(path))

const isTest: Where = (path) => /\.test\.ts$/.test(path)

/** Which package may be imported where; a package that is not here may be imported nowhere. */
const packageRules: readonly { readonly packages: RegExp; readonly where: Where; readonly rule: string }[] = [
  { packages: /^node:/, where: () => true, rule: '' },
  { packages: /^@bufbuild\/protobuf$/, where: () => true, rule: '' },
  {
    packages: /^@bufbuild\/protovalidate$/,
    where: within('gen', 'shared/rpc'),
    rule: 'validation belongs to services/shared/rpc (validateMessage)',
  },
  {
    packages: /^(@grpc\/.*|grpc-health-check)$/,
    where: within('shared/rpc'),
    rule: 'gRPC belongs to services/shared/rpc',
  },
  {
    packages: /^kafkajs$/,
    where: within('shared/bus/kafkajs'),
    rule: 'kafkajs belongs to services/shared/bus/kafkajs',
  },
  {
    packages: /^@platformatic\/kafka$/,
    where: within('shared/bus/platformatic'),
    rule: '@platformatic/kafka belongs to services/shared/bus/platformatic',
  },
  {
    packages: /^onnxruntime-node$/,
    where: within('shared/onnx'),
    rule: 'ONNX Runtime belongs to services/shared/onnx',
  },
  {
    packages: /^(aws4fetch|@rgrove\/parse-xml)$/,
    where: within('shared/onnx/store/s3'),
    rule: 'S3 belongs to services/shared/onnx/store/s3',
  },
  {
    packages: /^(kysely|pg|@electric-sql\/pglite)$/,
    where: within('shared/store'),
    rule: 'the database belongs to services/shared/store',
  },
  {
    packages: /^(sharp|@resvg\/resvg-js|vega|vega-lite|dejavu-fonts-ttf)$/,
    where: within('shared/images', 'shared/plots'),
    rule: 'pictures belong to services/shared/images and services/shared/plots',
  },
  {
    packages: /^(pino|@opentelemetry\/.*)$/,
    where: within('shared/telemetry'),
    rule: 'telemetry belongs to services/shared/telemetry',
  },
  {
    packages: /^zod$/,
    where: any(
      within('shared/config'),
      named(/(^|-)config(\.test)?\.ts$/),
      named(/manifest(\.test)?\.ts$/),
      named(/-profile(\.test)?\.ts$/),
    ),
    rule: 'schemas belong to services/shared/config, to config.ts, *-config.ts, *manifest.ts and *-profile.ts',
  },
  { packages: /^yaml$/, where: within('shared/config'), rule: 'YAML belongs to services/shared/config' },
  { packages: /^commander$/, where: within('cli'), rule: 'the command line belongs to services/cli' },
  { packages: /^fast-check$/, where: isTest, rule: 'property tests belong to *.test.ts' },
]

/** Services that put others together. */
const composers = new Set(['plant', 'cli'])

const maxLines = 400

/** `@scope/name` or `name` of a specifier; `node:` names stay whole. */
function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

/** `gen`, `shared`, or the name of the service to which a path belongs; undefined outside services/. */
function partOf(path: string): string | undefined {
  return /^services\/([^/]+)\//.exec(path)?.[1]
}

function checkPackage(path: string, specifier: string): string | undefined {
  const name = packageOf(specifier)
  if (partOf(path) === 'gen' && !name.startsWith('@bufbuild/')) return 'generated code imports nothing but @bufbuild'
  const rule = packageRules.find(({ packages }) => packages.test(name))
  if (rule === undefined)
    return 'the package has no folder that may import it; name one in test/architecture/import-rules.ts'
  return rule.where(path) ? undefined : rule.rule
}

function checkFile(path: string, specifier: string): string | undefined {
  const target = posix.normalize(posix.join(posix.dirname(path), specifier))
  const from = partOf(path)
  const to = partOf(target)
  if (to === from) return undefined
  if (from === 'gen') return 'generated code imports nothing but @bufbuild'
  if (to === undefined) {
    const support = isTest(path) && target.startsWith('test/support/')
    return support ? undefined : 'a service imports nothing outside services/ (its tests: test/support)'
  }
  if (to === 'gen' || (to === 'shared' && from !== undefined)) return undefined
  if (from === 'shared') return 'services/shared imports no service'
  if (from !== undefined && composers.has(from)) return undefined
  return 'a service imports only itself, services/shared and services/gen; services/plant and services/cli compose'
}

/** Everything in one file below services/ that breaks a rule of the architecture. */
export function findViolations({ path, source }: SourceFile): Violation[] {
  const violations: Violation[] = []
  for (const { specifier, line } of readImports(source)) {
    const rule = specifier.startsWith('.') ? checkFile(path, specifier) : checkPackage(path, specifier)
    if (rule !== undefined) violations.push({ path, line, subject: specifier, rule })
  }
  const generated = partOf(path) === 'gen'
  if (generated) return violations
  const code = stripComments(source)
  const lineOf = (index: number) => code.slice(0, index).split('\n').length
  for (const match of code.matchAll(/\bexport\s*\*/g)) {
    violations.push({ path, line: lineOf(match.index), subject: 'export *', rule: 'exports are named one by one' })
  }
  if (!isTest(path) && !within('shared/config', 'cli')(path)) {
    for (const match of code.matchAll(
      /\bprocess\s*\.\s*env\b|\bimport\s*{[^}]*\benv\b[^}]*}\s*from\s*'node:process'/g,
    )) {
      const rule = 'the environment is read in services/shared/config and services/cli only'
      violations.push({ path, line: lineOf(match.index), subject: 'process.env', rule })
    }
  }
  return [...violations, ...checkLength({ path, source })]
}

/** The rule that a file past 400 lines wants to be two. */
export function checkLength({ path, source }: SourceFile): Violation[] {
  const lines = source.replace(/\n$/, '').split('\n').length
  if (lines <= maxLines) return []
  return [
    { path, line: maxLines, subject: `${lines} lines`, rule: `a file has at most ${maxLines} lines; make it two` },
  ]
}

/** `services/x/y.ts:3: kafkajs: ...` */
export function formatViolation({ path, line, subject, rule }: Violation): string {
  return `${path}:${line}: ${subject}: ${rule}`
}
