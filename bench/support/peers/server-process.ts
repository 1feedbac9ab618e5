import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { PelletlineError } from '../../../services/shared/errors/pelletline-error.ts'
import { readProcessTree } from '../process-cpu.ts'
import { createPeerClient, type Endpoint } from './peer-client.ts'
import { decodeAnswer, drawCrops, encodeRequest } from './requests.ts'

export interface ServerCommand {
  readonly title: string
  readonly command: string
  readonly args: readonly string[]
  /** Where it runs, and keeps what it writes. */
  readonly folder: string
  readonly endpoint: Endpoint
}

export interface StartOptions {
  /** Patience until the first answer. */
  readonly startLimitSeconds: number
  /** Is told of the process before it is waited for. */
  readonly onStart: (server: ServerProcess) => void
}

/** A server in a process group of its own. */
export interface ServerProcess {
  readonly pid: number
  readonly endpoint: Endpoint
  /** Why it has ended; undefined while it runs. */
  ended(): string | undefined
  /** Ends it with all that it started. */
  stop(): Promise<void>
  /** The same at once, without asking. */
  kill(): void
}

const stopLimitMs = 15_000

/**
 * Starts a server; resolves once it has answered one crop. Rejects with `unavailable`, quoting what it said last, where it ends
 * before or does not answer in time.
 */
export async function startServer(
  { title, command, args, folder, endpoint }: ServerCommand,
  { startLimitSeconds, onStart }: StartOptions,
): Promise<ServerProcess> {
  const child = spawn(command, args, { cwd: folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  const keep = (text: string) => {
    said = (said + text).slice(-4000)
  }
  child.stdout.setEncoding('utf8').on('data', keep)
  child.stderr.setEncoding('utf8').on('data', keep)
  child.on('error', ({ message }) => keep(message))
  let ended: string | undefined
  child.on('close', () => {
    ended = `${title} ended: ${lastWords(said)}`
  })
  if (child.pid === undefined) {
    await once(child, 'close')
    throw new PelletlineError('unavailable', ended!)
  }
  const server: ServerProcess = {
    pid: child.pid,
    endpoint,
    ended: () => ended,
    stop: () => stopTree(child),
    kill: () => killTree(child),
  }
  onStart(server)
  const until = performance.now() + startLimitSeconds * 1000
  let refusal = 'nothing was asked yet'
  while (ended === undefined && performance.now() < until) {
    const failure = await askOneCrop(endpoint)
    if (failure === undefined) return server
    refusal = failure
    await delay(250)
  }
  await server.stop()
  const late = `${title} did not answer within ${startLimitSeconds} s: ${refusal}; it said: ${lastWords(said)}`
  throw new PelletlineError('unavailable', ended ?? late)
}

/** What stands in the way of an answer; undefined where there is one. */
async function askOneCrop(endpoint: Endpoint): Promise<string | undefined> {
  const client = createPeerClient(endpoint)
  try {
    decodeAnswer(endpoint.protocol, await client.send(encodeRequest(endpoint.protocol, drawCrops(1, 1))), 1)
    return undefined
  } catch (reason) {
    return PelletlineError.from(reason).message
  } finally {
    client.close()
  }
}

/** The last lines that say something, on one line. */
function lastWords(said: string): string {
  const lines = said.split('\n').map((line) => line.trim())
  return (
    lines
      .filter((line) => line !== '')
      .slice(-3)
      .join(' / ')
      .slice(-600) || 'it said nothing'
  )
}

/** Asks it to end, then ends what is left: some servers start processes in groups of their own. */
async function stopTree(child: ChildProcess): Promise<void> {
  const { pid } = child
  if (pid === undefined || hasEnded(child)) return
  const { pids } = readProcessTree(pid)
  signal(pid, 'SIGTERM')
  await Promise.race([once(child, 'exit'), delay(stopLimitMs, undefined, { ref: false })])
  killAll(pid, pids)
}

function killTree(child: ChildProcess): void {
  const { pid } = child
  if (pid !== undefined && !hasEnded(child)) killAll(pid, readProcessTree(pid).pids)
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

function killAll(group: number, pids: readonly number[]): void {
  for (const pid of [-group, ...pids]) signal(pid, 'SIGKILL')
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended already.
  }
}
