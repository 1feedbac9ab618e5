// Compiles the AssemblyScript kernels to WebAssembly, which is committed beside the source; verify checks it byte for byte.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { childEnvironment } from './run-node.mjs'
import { root, setup } from './setup.mjs'

/** Folders that hold an `index.ts` in AssemblyScript; FOLDER.wasm is what becomes of it. */
const kernels = ['services/roi-segmentation/kernel/assembly', 'services/camera-gateway/assembly']

// SIMD, and shared memory that the caller makes: strips lie in it, and nothing is allocated by the language itself.
const options = ['-O3', '--noAssert', '--runtime', 'stub', '--use', 'abort=', '--enable', 'simd', '--enable', 'threads']
const memory = ['--importMemory', '--sharedMemory', '--initialMemory', '16', '--maximumMemory', '65536']

/** Compiles one kernel; returns whether that succeeded. */
function compile(kernel, out) {
  const node = setup()
  const asc = join(root, 'node_modules/assemblyscript/bin/asc.js')
  const result = spawnSync(node, [asc, `${kernel}/index.ts`, '-o', out, ...options, ...memory], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: childEnvironment(node),
  })
  return result.status === 0
}

/** Names of kernels whose committed bytes are not those of their source. */
export function findStaleKernels() {
  const scratch = join(root, '.cache/kernels')
  mkdirSync(scratch, { recursive: true })
  return kernels.filter((kernel) => {
    const out = join(scratch, 'kernel.wasm')
    rmSync(out, { force: true })
    return !compile(kernel, out) || !readFileSync(out).equals(readFileSync(join(root, `${kernel}.wasm`)))
  })
}

if (process.argv[1] === import.meta.filename) {
  for (const kernel of kernels) if (!compile(kernel, `${kernel}.wasm`)) process.exitCode = 1
}
