import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { type LogFile, openLog } from '../../files/open-log.ts'
import { systemClock } from '../../service/clock.ts'
import { runWithin } from '../../service/run-within.ts'
import { withinTime } from '../../service/within-time.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { KafkaJars } from './kafka-jars.ts'
import { createLastWords } from './last-words.ts'

export interface BrokerProcessOptions {
  readonly jars: KafkaJars
  readonly propertiesFile: string
  /** Largest heap, MiB. */
  readonly heapMb: number
  readonly logger: Logger
  /** File to which everything that it writes is appended; none where absent. */
  readonly logFile?: string | undefined
  /** Java's first compiler only, and a heap that grows. */
  readonly quickStart?: boolean
  /** Folder that is deleted should this process die before the broker has been stopped. */
  readonly temporaryFolder?: string
  /** Writes the archive of loaded classes when the broker ends. */
  readonly writeClassArchive?: boolean
  /** Ends a start that is under way, and the process with it; later it has no effect. */
  readonly signal?: AbortSignal
}

/** A broker's process. */
export interface BrokerProcess {
  readonly pid: number
  /** Resolves when the process has ended, however it came to that. */
  readonly exited: Promise<void>
  readonly hasExited: boolean
  /**
   * The last lines that it wrote, one below the other and without frames of stack traces; empty where it wrote none, and once it was
   * killed from outside, which it could say nothing about.
   */
  readonly lastWords: string
  /** Sends a signal; a signal to a process that has ended does nothing. */
  signal(signal: NodeJS.Signals): void
  /** SIGTERM, and SIGKILL for one that has not ended after `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>
}

const log4jFile = join(import.meta.dirname, 'log4j2.properties')
const readyLine = 'Kafka Server started'
const startTimeoutMs = 120_000
/** A file that is mapped into memory and finds no room on its disk. */
const unsafeAccess = /InternalError: .*unsafe memory access/

/** Arguments of a JVM that starts quickly and runs the given class of Kafka. */
export function javaArguments(jars: KafkaJars, heapMb: number): string[] {
  const archive = existsSync(jars.classArchive) ? [`-XX:SharedArchiveFile=${jars.classArchive}`] : []
  return [`-Xmx${heapMb}m`, '-XX:+UseSerialGC', '-Xshare:auto', '-Xlog:disable', ...archive, '-cp', jars.classPath]
}

/**
 * A shell that outlives this process just long enough to end the broker when this process dies without having done so,
 * however it dies: its standard input is a pipe that closes then.
 */
function guardProcess(pid: number, temporaryFolder: string | undefined): ChildProcess {
  const script = 'cat >/dev/null; kill -KILL "$1" 2>/dev/null; [ -z "$2" ] || { sleep 1; rm -rf "$2"; }'
  const guard = spawn('sh', ['-c', script, 'sh', String(pid), temporaryFolder ?? ''], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guard.unref()
  ;(guard.stdin as unknown as { unref(): void }).unref()
  return guard
}

/** Opens the log; where that is not possible (a full disk) the broker runs without one. */
function openLogOrTell(path: string | undefined, logger: Logger): LogFile | undefined {
  if (path === undefined) return undefined
  try {
    return openLog(path)
  } catch (reason) {
    logger.warn({ err: reason, log: path }, 'the log of the broker cannot be opened; it runs without one')
    return undefined
  }
}

/** Appends to the log what there is room for: on a full disk the broker's last words are kept in memory all the same. */
function appendTo(log: LogFile | undefined, text: string): void {
  if (log === undefined) return
  try {
    writeSync(log.fd, text)
  } catch {
    // The disk is full, or has gone.
  }
}

/**
 * Starts the broker and resolves once it serves; `unavailable` with its last words where it ends before that. Where it
 * rejects, the process has ended.
 */
export async function startBrokerProcess(options: BrokerProcessOptions): Promise<BrokerProcess> {
  const { jars, propertiesFile, logger, signal } = options
  signal?.throwIfAborted()
  const archive = options.writeClassArchive ? [`-XX:ArchiveClassesAtExit=${jars.classArchive}`] : []
  const child = spawn(
    'java',
    [
      ...archive,
      // All of its memory at once: what a machine lacks shows at the start, and not weeks later.
      ...(options.quickStart ? ['-XX:TieredStopAtLevel=1'] : [`-Xms${options.heapMb}m`, '-XX:+AlwaysPreTouch']),
      `-Dlog4j2.configurationFile=${log4jFile}`,
      ...javaArguments(jars, options.heapMb),
      'kafka.Kafka',
      propertiesFile,
    ],
    // A process group of its own: a Ctrl-C at the terminal reaches this process, which stops things in their order.
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  )
  const exit = Promise.withResolvers<void>()
  const ready = Promise.withResolvers<void>()
  const lastWords = createLastWords()
  const log = openLogOrTell(options.logFile, logger)
  let hasExited = false
  let wasKilled = false
  const failure = (what: string, cause?: unknown) => {
    const words = lastWords.text.replaceAll('\n', ' | ') || 'none'
    const next = unsafeAccess.test(words) ? `. Java says so where a disk is full: make room for ${propertiesFile}` : ''
    const text = `The Kafka broker of ${propertiesFile} ${what}; its last words: ${words}${next}`
    return new PelletlineError('unavailable', text, { retryable: false, cause })
  }
  const takeLine = (line: string) => {
    if (line.includes(readyLine)) return ready.resolve()
    lastWords.add(line)
    logger.debug({ broker: propertiesFile }, line)
  }
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      appendTo(log, chunk)
      const lines = (rest + chunk).split('\n')
      rest = (lines.pop() ?? '').slice(-10_000)
      for (const line of lines) takeLine(line)
    })
    // Who dies in the middle of a line has said it all the same.
    stream.once('end', () => {
      if (rest !== '') takeLine(rest)
    })
  }
  child.once('error', (cause) => ready.reject(failure(`could not be started (${cause.message})`, cause)))
  child.once('close', (code, by) => {
    hasExited = true
    wasKilled = by === 'SIGKILL'
    log?.close()
    guard?.kill('SIGKILL')
    ready.reject(failure(`ended before it served (${by ?? `exit code ${code}`})`))
    exit.resolve()
  })
  const guard = child.pid === undefined ? undefined : guardProcess(child.pid, options.temporaryFolder)
  const signalChild = (name: NodeJS.Signals) => {
    if (!hasExited) child.kill(name)
  }
  try {
    const late = () => failure(`did not serve within ${startTimeoutMs / 1000} s`)
    await runWithin(() => ready.promise, { ms: startTimeoutMs, clock: systemClock, signal, late })
  } catch (thrown) {
    signalChild('SIGKILL')
    if (child.pid !== undefined) await exit.promise
    throw thrown
  }
  return {
    pid: child.pid as number,
    exited: exit.promise,
    get hasExited() {
      return hasExited
    },
    get lastWords() {
      return wasKilled ? '' : lastWords.text
    },
    signal: signalChild,
    async stop(timeoutMs) {
      signalChild('SIGTERM')
      if (!(await withinTime(exit.promise, timeoutMs, systemClock))) signalChild('SIGKILL')
      await exit.promise
    },
  }
}
