import { dirname, join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'

/** What a benchmark may be told; `numbers` are whole and at least 1. */
export interface BenchOptions<Name extends string, Text extends string = never> {
  readonly json: boolean
  /** Folder of the released models. */
  readonly modelsDir: string
  readonly numbers: Readonly<Record<Name, number>>
  /** Options that are text; undefined where they are not given. */
  readonly texts: Readonly<Record<Text, string | undefined>>
}

/**
 * Reads the command line of a benchmark: `--json`, `--models-dir DIR`, `--NAME N` for each of `defaults`, and `--NAME TEXT`
 * for each of `textNames`. Throws `invalid_argument` naming what is wrong.
 */
export function readBenchOptions<Name extends string, Text extends string = never>(
  defaults: Readonly<Record<Name, number>>,
  textNames: readonly Text[] = [],
): BenchOptions<Name, Text> {
  const root = dirname(dirname(import.meta.dirname))
  const names = Object.keys(defaults) as Name[]
  const { json, modelsDir, given } = parseCommandLine(names, textNames)
  const numbers = {} as Record<Name, number>
  for (const name of names) numbers[name] = toWhole(name, given[name], defaults[name])
  const texts = {} as Record<Text, string | undefined>
  for (const name of textNames) texts[name] = given[name]
  return { json, modelsDir: modelsDir ?? join(root, 'models'), numbers, texts }
}

function parseCommandLine(names: readonly string[], textNames: readonly string[]) {
  try {
    const own = Object.fromEntries([...names, ...textNames].map((name) => [name, { type: 'string' as const }]))
    const { values } = parseArgs({ options: { json: { type: 'boolean' }, 'models-dir': { type: 'string' }, ...own } })
    const {
      json,
      'models-dir': modelsDir,
      ...given
    } = values as Record<string, string | undefined> & { json?: boolean }
    return { json: json === true, modelsDir, given }
  } catch (cause) {
    const own = [...names.map((name) => `--${name} N`), ...textNames.map((name) => `--${name} TEXT`)]
    const usage = `Options: --json, --models-dir DIR, ${own.join(', ')}.`
    throw new PelletlineError('invalid_argument', `${PelletlineError.from(cause).message}. ${usage}`, { cause })
  }
}

function toWhole(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new PelletlineError('invalid_argument', `--${name} is ${text}; a whole number from 1 is expected.`)
}

/**
 * Runs a benchmark; an error ends it with its message and status 1, or 2 for a wrong option. One that has a `help` prints it
 * instead where `--help` is given.
 */
export async function runBench(bench: () => Promise<void>, help?: string): Promise<void> {
  try {
    if (help !== undefined && process.argv.includes('--help')) {
      process.stdout.write(help)
      return
    }
    await bench()
  } catch (reason) {
    const error = PelletlineError.from(reason)
    process.stderr.write(`${error.code}: ${error.message}\n`)
    process.exitCode = error.code === 'invalid_argument' ? 2 : 1
  }
}
