import { dirname, join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'

/** What a benchmark may be told; `numbers` are whole and at least 1. */
export interface BenchOptions<Name extends string> {
  readonly json: boolean
  /** Folder of the released models. */
  readonly modelsDir: string
  readonly numbers: Readonly<Record<Name, number>>
}

/**
 * Reads the command line of a benchmark: `--json`, `--models-dir DIR`, and `--NAME N` for each of `defaults`. Throws
 * `invalid_argument` naming what is wrong.
 */
export function readBenchOptions<Name extends string>(defaults: Readonly<Record<Name, number>>): BenchOptions<Name> {
  const root = dirname(dirname(import.meta.dirname))
  const names = Object.keys(defaults) as Name[]
  const { json, modelsDir, texts } = parseCommandLine(names)
  const numbers = {} as Record<Name, number>
  for (const name of names) numbers[name] = toWhole(name, texts[name], defaults[name])
  return { json, modelsDir: modelsDir ?? join(root, 'models'), numbers }
}

function parseCommandLine(names: readonly string[]) {
  try {
    const own = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]))
    const { values } = parseArgs({ options: { json: { type: 'boolean' }, 'models-dir': { type: 'string' }, ...own } })
    const { json, 'models-dir': modelsDir, ...texts } = values as Record<string, string | boolean | undefined>
    return { json: json === true, modelsDir: modelsDir as string | undefined, texts }
  } catch (cause) {
    const usage = `Options: --json, --models-dir DIR, ${names.map((name) => `--${name} N`).join(', ')}.`
    throw new PelletlineError('invalid_argument', `${PelletlineError.from(cause).message}. ${usage}`, { cause })
  }
}

function toWhole(name: string, text: string | boolean | undefined, fallback: number): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new PelletlineError('invalid_argument', `--${name} is ${text}; a whole number from 1 is expected.`)
}

/** Runs a benchmark; an error ends it with its message and status 1, or 2 for a wrong option. */
export async function runBench(bench: () => Promise<void>): Promise<void> {
  try {
    await bench()
  } catch (reason) {
    const error = PelletlineError.from(reason)
    process.stderr.write(`${error.code}: ${error.message}\n`)
    process.exitCode = error.code === 'invalid_argument' ? 2 : 1
  }
}
