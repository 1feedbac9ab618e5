import process from 'node:process'
import { type Command, CommanderError } from 'commander'
import { isEcho } from '../shared/service/is-echo.ts'
import type { CliContext } from './cli-context.ts'
import { createProgram } from './create-program.ts'
import { describeError } from './exit-code.ts'
import { createTerminal, type OutputStream } from './terminal.ts'

export interface RunCliOptions {
  /** Arguments behind the program's name. */
  readonly args: readonly string[]
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  /** Told when the command begins to run a service, which drains when it is told to end. */
  readonly onService?: () => void
}

/** Runs one command line to its end and resolves with the exit status; errors stand on stderr by then. */
export async function runCli({ args, stdout, stderr, onService }: RunCliOptions): Promise<number> {
  let exitCode = 0
  let interrupted: NodeJS.Signals | undefined
  let controller: AbortController | undefined
  const context: CliContext = {
    terminal: (command: Command) =>
      createTerminal({ stdout, stderr, json: command.optsWithGlobals<{ json?: boolean }>().json === true }),
    interrupt() {
      if (controller !== undefined) return controller.signal
      const created = new AbortController()
      let interruptedAtMs = Number.NEGATIVE_INFINITY
      const onSignal = (name: NodeJS.Signals) => {
        if (name === interrupted && isEcho(interruptedAtMs)) return
        if (interrupted !== undefined) {
          // `process.exit` would stop worker threads in the middle of native calls, which abort with a message of their own.
          process.removeAllListeners(name)
          process.kill(process.pid, name)
          return
        }
        interrupted = name
        interruptedAtMs = performance.now()
        created.abort()
      }
      process.on('SIGINT', onSignal)
      process.on('SIGTERM', onSignal)
      controller = created
      return created.signal
    },
    runsService: () => onService?.(),
    setExitCode(code) {
      exitCode = code
    },
  }
  try {
    const program = createProgram(context, {
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'pelletline: ')),
    })
    await program.parseAsync([...args], { from: 'user' })
    return exitCode
  } catch (reason) {
    if (reason instanceof CommanderError) return reason.exitCode === 0 ? 0 : 2
    if (interrupted !== undefined) {
      stderr.write('pelletline: interrupted.\n')
      return exitCodeOfSignal(interrupted)
    }
    const described = describeError(reason)
    stderr.write(`${described.lines.join('\n')}\n`)
    return described.exitCode
  }
}

function exitCodeOfSignal(name: NodeJS.Signals): number {
  return name === 'SIGTERM' ? 143 : 130
}
