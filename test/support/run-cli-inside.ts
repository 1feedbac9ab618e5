import process from 'node:process'
import { Writable } from 'node:stream'
import { runCli } from '../../services/cli/run-cli.ts'
import type { PelletlineRun } from './run-pelletline.ts'

const signals = ['SIGINT', 'SIGTERM'] as const

/** Runs `pelletline ARGS` within this process: for commands that need no process of their own, in a fraction of the time. */
export async function runCliInside(...args: readonly string[]): Promise<PelletlineRun> {
  const [stdout, stderr] = [collect(), collect()]
  const before = signals.map((name) => process.listeners(name))
  const code = await runCli({ args, stdout: stdout.stream, stderr: stderr.stream })
  // A process of its own would end here; in this one a command's handlers would stay.
  signals.forEach((name, at) => {
    for (const listener of process.listeners(name)) {
      if (!before[at]!.includes(listener)) process.removeListener(name, listener)
    }
  })
  return {
    code,
    stdout: stdout.text(),
    stderr: stderr.text(),
    json: () =>
      stdout
        .text()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as unknown),
  }
}

function collect() {
  const chunks: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk))
      done()
    },
  })
  return { stream, text: () => chunks.join('') }
}
