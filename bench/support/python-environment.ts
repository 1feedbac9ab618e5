import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** A Python that can import what was asked for, or why there is none. */
export type PythonInstallation = { readonly python: string } | { readonly reason: string }

/** What an installation works with, within its virtual environment; both reject with what the command said. */
export interface PythonTools {
  /** `pip install` with these arguments, by the package index that the machine's Python is set up with. */
  install(...args: readonly string[]): Promise<void>
  /** Runs a line of Python; resolves with its standard output. */
  run(code: string): Promise<string>
}

export interface PythonEnvironmentOptions {
  /** Folder below `.cache`. */
  readonly folder: string
  /** What is installed, as a reader knows it: `PyTorch`. */
  readonly title: string
  /** Installs it and makes sure that it can be imported. */
  fill(tools: PythonTools): Promise<void>
}

/**
 * A virtual environment of its own below `.cache`, filled by the first call; one that was left half filled is made anew.
 * Never throws: what stands in the way is named in `reason`.
 */
export async function installPython(options: PythonEnvironmentOptions): Promise<PythonInstallation> {
  const folder = join(dirname(dirname(import.meta.dirname)), '.cache', options.folder)
  const bin = process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']
  const python = join(folder, ...bin)
  const marker = join(folder, 'complete')
  if (existsSync(marker)) return { python }
  const base = await findPython()
  if (base === undefined) return { reason: 'no Python 3 was found (python3 or python on the PATH)' }
  process.stderr.write(`Installing ${options.title} into ${folder}, once; it may take minutes ...\n`)
  try {
    await rm(folder, { recursive: true, force: true })
    await execute(base, ['-m', 'venv', folder])
    await options.fill({
      async install(...args) {
        await execute(python, ['-m', 'pip', 'install', '--quiet', ...args], { maxBuffer: 2 ** 26 })
      },
      run: async (code) => (await execute(python, ['-c', code])).stdout,
    })
    await writeFile(`${marker}.part`, '')
    await rename(`${marker}.part`, marker)
    return { python }
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr?.trim().split('\n').at(-1)
    return { reason: `${options.title} could not be installed: ${said || (cause as Error).message}` }
  }
}

async function findPython(): Promise<string | undefined> {
  for (const name of ['python3', 'python']) {
    const found = await execute(name, ['-c', 'import sys, venv; sys.exit(sys.version_info < (3, 10))']).catch(() => {})
    if (found !== undefined) return name
  }
  return undefined
}
