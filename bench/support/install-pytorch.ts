import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** A Python that can import PyTorch, or why there is none. */
export type PytorchInstallation = { readonly python: string } | { readonly reason: string }

/** What PyTorch's Linux build asks for but needs only on a GPU, or to compile kernels: a third of the download. */
const unneeded = ['triton', 'cuda-bindings']

/**
 * PyTorch in a virtual environment of its own under `.cache/pytorch`, installed by the first call with the pip and the
 * package index that the machine's Python is set up with. On Linux its usual build loads GPU libraries, used or not: up to
 * 2 GB to download and 4 GB on disk. Never throws: what stands in the way is named in `reason`.
 */
export async function installPytorch(): Promise<PytorchInstallation> {
  const folder = join(dirname(dirname(import.meta.dirname)), '.cache', 'pytorch')
  const bin = process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']
  const python = join(folder, ...bin)
  const marker = join(folder, 'complete')
  if (existsSync(marker)) return { python }
  const base = await findPython()
  if (base === undefined) return { reason: 'no Python 3 was found (python3 or python on the PATH)' }
  process.stderr.write(`Installing PyTorch into ${folder}, once; it may take minutes ...\n`)
  try {
    await rm(folder, { recursive: true, force: true })
    await execute(base, ['-m', 'venv', folder])
    const pip = (args: readonly string[]) =>
      execute(python, ['-m', 'pip', 'install', '--quiet', ...args], { maxBuffer: 2 ** 26 })
    await pip(['--no-deps', 'torch'])
    const { stdout } = await execute(python, [
      '-c',
      'import importlib.metadata, json; print(json.dumps(importlib.metadata.requires("torch") or []))',
    ])
    const needs = (JSON.parse(stdout) as string[]).filter(
      (need) => !need.includes('extra ==') && !unneeded.some((name) => need.startsWith(name)),
    )
    await pip(needs)
    await execute(python, ['-c', 'import torch'])
    await writeFile(`${marker}.part`, '')
    await rename(`${marker}.part`, marker)
    return { python }
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr?.trim().split('\n').at(-1)
    return { reason: `PyTorch could not be installed: ${said || (cause as Error).message}` }
  }
}

async function findPython(): Promise<string | undefined> {
  for (const name of ['python3', 'python']) {
    const found = await execute(name, ['-c', 'import sys, venv; sys.exit(sys.version_info < (3, 10))']).catch(() => {})
    if (found !== undefined) return name
  }
  return undefined
}
