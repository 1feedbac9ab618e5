import { spawn } from 'node:child_process'
import { PelletlineError } from '../../errors/pelletline-error.ts'

export interface RunProgramOptions {
  readonly cwd?: string
  /** What to install, and how, where the program is not on the PATH. */
  readonly install: string
  /** What failed, as the sentence of an error begins: `Fetching the jars of Kafka`. */
  readonly purpose: string
}

const keptCharacters = 4000

/**
 * Runs a program of the machine to its end and returns what it wrote (standard output and error together, the last 4,000
 * characters). `failed_precondition` where the program is missing, `unavailable` with its last words where it fails.
 */
export async function runProgram(
  program: string,
  programArguments: readonly string[],
  options: RunProgramOptions,
): Promise<string> {
  const { purpose, install, cwd } = options
  const child = spawn(program, programArguments, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  })
  let text = ''
  const keep = (chunk: Buffer) => {
    text = (text + chunk.toString('utf8')).slice(-keptCharacters)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (cause) => {
      reject(
        new PelletlineError(
          'failed_precondition',
          `${purpose} needs the program ${program}, which is not on the PATH (${cause.message}); ${install}`,
          { cause },
        ),
      )
    })
    child.once('close', resolve)
  })
  if (code === 0) return text
  const said = text.trim() === '' ? 'it said nothing' : `it said: ${text.trim()}`
  throw new PelletlineError('unavailable', `${purpose} failed: ${program} ended with exit code ${code}; ${said}`, {
    retryable: false,
  })
}
