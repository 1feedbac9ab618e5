// `npm run verify`: the gate. Every step runs, so that one call shows all that is wrong; the exit status is non-zero if any failed.
// `--static` leaves out the tests, for whoever runs all of them anyway.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { findStaleKernels } from './build-kernels.mjs'
import { findStaleGeneratedCode, prepareImports, runBuf } from './generate.mjs'
import { childEnvironment } from './run-node.mjs'
import { root, setup } from './setup.mjs'

const node = setup()
const bin = (name) => join(root, 'node_modules/.bin', name)

function run(command, args) {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', env: childEnvironment(node) }).status === 0
}

async function checkGeneratedCode() {
  const stale = await findStaleGeneratedCode()
  for (const name of stale)
    process.stderr.write(`services/gen/${name} is not what proto/ generates: run \`npm run generate\`\n`)
  return stale.length === 0
}

function checkKernels() {
  const stale = findStaleKernels()
  for (const name of stale)
    process.stderr.write(`${name}.wasm is not what its source compiles to: run \`npm run kernels\`\n`)
  return stale.length === 0
}

async function lintProto() {
  await prepareImports()
  return runBuf(['lint']) === 0
}

function checkBreaking() {
  const baseline = 'proto/baseline.binpb'
  if (!existsSync(join(root, baseline))) {
    process.stderr.write(`${baseline} is missing: restore it from git\n`)
    return false
  }
  return runBuf(['breaking', 'proto', '--against', baseline]) === 0
}

const steps = [
  ['format and lint', () => run(bin('biome'), ['check', '--error-on-warnings', '.'])],
  ['types', () => run(bin('tsc'), ['--noEmit'])],
  ['generated code', checkGeneratedCode],
  ['compiled kernels', checkKernels],
  ['proto lint', lintProto],
  ['proto breaking changes', checkBreaking],
  ['unit tests and architecture rules', () => run(node, [join(root, 'scripts/test.mjs'), 'unit', 'architecture'])],
]

const asked = process.argv.includes('--static') ? steps.slice(0, -1) : steps
const failed = []
for (const [name, step] of asked) {
  process.stdout.write(`\n== ${name}\n`)
  if (!(await step())) failed.push(name)
}
process.stdout.write(failed.length === 0 ? '\nverify: all steps passed\n' : `\nverify: failed: ${failed.join(', ')}\n`)
process.exitCode = failed.length === 0 ? 0 : 1
