// Generates services/gen from proto/, by way of .cache/gen: services/gen is whole while buf runs, and stays as it is where buf fails.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import process from 'node:process'
import { printValidateProto } from './print-proto.mjs'
import { childEnvironment } from './run-node.mjs'
import { root, setup } from './setup.mjs'

const node = setup()
const generatedCode = join(root, 'services/gen')
const freshCode = join(root, '.cache/gen')

/** Runs buf in the repository's root; returns its exit status, 1 where it did not come to one. */
export function runBuf(args) {
  const { status } = spawnSync(join(root, 'node_modules/.bin/buf'), args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...childEnvironment(node), BUF_CACHE_DIR: join(root, '.cache/buf') },
  })
  return status ?? 1
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

/** Generates into .cache/gen anew; returns buf's exit status. */
async function generateFresh() {
  await prepareImports()
  rmSync(freshCode, { recursive: true, force: true })
  return runBuf(['generate', '--template', JSON.stringify(generationTemplate)])
}

/** Puts the fresh code in the place of services/gen. */
function takeFresh() {
  const old = join(root, '.cache/gen-before')
  rmSync(old, { recursive: true, force: true })
  if (existsSync(generatedCode)) renameSync(generatedCode, old)
  renameSync(freshCode, generatedCode)
  rmSync(old, { recursive: true, force: true })
}

const generationTemplate = {
  version: 'v2',
  plugins: [
    {
      local: ['node_modules/.bin/protoc-gen-es'],
      out: '.cache/gen',
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
  if ((await generateFresh()) !== 0) return ['buf generate failed']
  const fresh = readTree(freshCode)
  const committed = readTree(generatedCode)
  return [...new Set([...fresh.keys(), ...committed.keys()])].filter((name) => fresh.get(name) !== committed.get(name))
}

if (process.argv[1] === import.meta.filename) {
  process.exitCode = await generateFresh()
  if (process.exitCode === 0) takeFresh()
}
