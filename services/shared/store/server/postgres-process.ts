import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { limitWarnings } from '../../telemetry/limit-repeats.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { type ServerUser, serverSpawnOptions } from './server-user.ts'

// The server must not outlive this program, however it dies: the shell's standard input closes then, and the server is
// told to shut down. It has a session of its own, so that Ctrl-C at a terminal reaches this program only, which drains
// first. Its number is the first line of output.
const guard = `
exec 3<&0
"$0" "$@" 3<&- </dev/null & pid=$!
echo $pid
(read -r _ <&3; kill -INT $pid) >/dev/null 2>&1 & watch=$!
wait $pid; code=$?
kill $watch 2>/dev/null
exit $code`

export interface PostgresProcessOptions {
  readonly program: string
  readonly parameters: readonly string[]
  readonly user: ServerUser | undefined
  readonly logger: Logger
}

/** A running server; it may not answer yet. */
export interface PostgresProcess {
  readonly pid: number
  /** Resolves when the server has ended, with its last lines of log. */
  readonly ended: Promise<string>
  /** Ends it: connections are cut, transactions rolled back, and everything is written. */
  shutDown(): Promise<void>
  /** Kills every process of it at once, as a failing machine would. */
  kill(): Promise<void>
}

/** Starts the server as a child of this process. */
export async function startPostgresProcess(options: PostgresProcessOptions): Promise<PostgresProcess> {
  const { program, parameters, user, logger } = options
  const child = spawn('/bin/sh', ['-c', guard, program, ...parameters], {
    ...serverSpawnOptions(user),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  const lines: string[] = []
  const complaints = limitWarnings(logger)
  createInterface({ input: child.stderr as NonNullable<ChildProcess['stderr']> }).on('line', (line) => {
    lines.push(line)
    if (lines.length > 20) lines.shift()
    if (/^(PANIC|ERROR|FATAL):/.test(line) && !/starting up|not yet accepting/.test(line))
      return complaints.add(line, { source: 'postgres' })
    logger.debug({ source: 'postgres' }, line)
  })
  // A guard that has gone takes no more input; its end is seen below.
  child.stdin?.on('error', () => undefined)
  const ended = once(child, 'close').then(
    () => {
      complaints.flush()
      return lines.join('\n')
    },
    (cause) => `${program} could not be started: ${cause}`,
  )
  const output = createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> })
  const first = await Promise.race([once(output, 'line').then(([line]) => Number(line)), ended])
  if (typeof first !== 'number') {
    throw new PelletlineError('unavailable', `The PostgreSQL server ended at once: ${first}`)
  }
  const pid = first
  const signal = (to: number, name: NodeJS.Signals) => {
    try {
      process.kill(to, name)
    } catch (reason) {
      if ((reason as NodeJS.ErrnoException).code !== 'ESRCH') throw reason
    }
  }
  return {
    pid,
    ended,
    async shutDown() {
      signal(pid, 'SIGINT')
      await ended
    },
    async kill() {
      const workers = readChildren(pid)
      signal(pid, 'SIGKILL')
      for (const worker of workers) signal(worker, 'SIGKILL')
      await ended
    },
  }
}

/** Processes that a process has started; none where the system does not say (proc(5), CONFIG_PROC_CHILDREN). */
function readChildren(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
