// Generates services/gen from proto/. `--check` generates into a scratch folder and fails where the committed code differs.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import process from 'node:process'
import { printValidateProto } from './print-proto.mjs'
import { childEnvironment } from './run-node.mjs'
import { root, setup } from './setup.mjs'

const node = setup()

/** Runs buf in the repository's root; returns its exit status. */
export function runBuf(args) {
  return spawnSync(join(root, 'node_modules/.bin/buf'), args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...childEnvironment(node), BUF_CACHE_DIR: join(root, '.cache/buf') },
  }).status
}

/** Writes the imports that buf cannot fetch without its registry into .cache/proto. */
export async function prepareImports() {
  const folder = join(root, '.cache/proto/buf/validate')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'validate.proto'), await printValidateProto())
}

function readTree(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath ?? entry.path, entry.name)
      return [relative(folder, path), readFileSync(path, 'utf8')]
    }),
  )
}

/** Generates into `out` (a folder relative to the root). */
async function generateInto(out) {
  await prepareImports()
  rmSync(join(root, out), { recursive: true, force: true })
  const template = JSON.parse(JSON.stringify(generationTemplate).replaceAll('OUT', out))
  return runBuf(['generate', '--template', JSON.stringify(template)])
}

const generationTemplate = {
  version: 'v2',
  plugins: [
    {
      local: ['node_modules/.bin/protoc-gen-es'],
      out: 'OUT',
      opt: [
        'target=ts',
        'import_extension=ts',
        'erasable_syntax=true',
        'rewrite_imports=./buf/validate/*_pb.js:@bufbuild/protovalidate/gen',
      ],
    },
  ],
  inputs: [{ directory: 'proto' }],
}

/** Names of generated files that differ from the committed ones. */
export async function findStaleGeneratedCode() {
  if ((await generateInto('.cache/gen')) !== 0) return ['buf generate failed']
  const fresh = readTree(join(root, '.cache/gen'))
  const committed = readTree(join(root, 'services/gen'))
  return [...new Set([...fresh.keys(), ...committed.keys()])].filter((name) => fresh.get(name) !== committed.get(name))
}

if (process.argv[1] === import.meta.filename) {
  process.exitCode = await generateInto('services/gen')
}
