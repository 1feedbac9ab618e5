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

/** Runs `pelletline ARGS` as a process of its own, without a terminal. */
export function runPelletline(...args: readonly string[]): Promise<PelletlineRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.on('error', reject)
    child.on('close', (code) => {
      const text = Buffer.concat(stdout).toString()
      resolve({
        code,
        stdout: text,
        stderr: Buffer.concat(stderr).toString(),
        json: () =>
          text
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line) as unknown),
      })
    })
  })
}
