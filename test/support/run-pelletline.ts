import { spawn } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../bin/pelletline.mjs', import.meta.url))

/** How a run of the command line ended. */
export interface PelletlineRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** The lines of stdout as JSON; throws where one is not. */
  json(): readonly unknown[]
}

/** A run of the command line that goes on until it is told to end. */
export interface StartedPelletline {
  /** Resolves with the output so far once a whole line on stdout matches; rejects where the process ends before. */
  line(pattern: RegExp): Promise<string>
  /** The same for stderr. */
  error(pattern: RegExp): Promise<string>
  signal(name: 'SIGINT' | 'SIGTERM'): void
  readonly ended: Promise<PelletlineRun>
}

/** Starts `pelletline ARGS` as a process of its own, without a terminal. */
export function startPelletline(...args: readonly string[]): StartedPelletline {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  const waiting = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
    for (const look of waiting) look()
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
    for (const look of waiting) look()
  })
  const ended = new Promise<PelletlineRun>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      const text = stdout
      const json = () =>
        text
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as unknown)
      resolve({ code, stdout: text, stderr, json })
    })
  })
  const whole = (output: () => string) => (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const lines = output().split('\n').slice(0, -1)
        if (!lines.some((text) => pattern.test(text))) return
        waiting.delete(look)
        resolve(output())
      }
      waiting.add(look)
      look()
      ended.then((run) => reject(new Error(`ended with ${run.code} before ${pattern}: ${run.stderr}`)), reject)
    })
  const line = whole(() => stdout)
  const error = whole(() => stderr)
  return { line, error, signal: (name) => void child.kill(name), ended }
}

/** Runs `pelletline ARGS` as a process of its own to its end, without a terminal. */
export function runPelletline(...args: readonly string[]): Promise<PelletlineRun> {
  return startPelletline(...args).ended
}
