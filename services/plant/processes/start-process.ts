import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openLog } from '../../shared/files/open-log.ts'
import type { ProcessName } from './service-starts.ts'

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The last message that it wrote about itself, or its last line; empty where it wrote nothing. */
  readonly lastWords: string
}

/** A process that was started. */
export interface StartedProcess {
  readonly pid: number
  readonly ended: Promise<ProcessEnd>
  /** Sends a signal; to a process that has ended it does nothing. */
  signal(name: NodeJS.Signals): void
}

export interface StartProcessOptions {
  readonly name: ProcessName
  readonly configFile: string
  /** File to which its output is appended. */
  readonly logFile: string
}

const program = fileURLToPath(new URL('./service-process.ts', import.meta.url))
/** Of the end of a log that is searched for last words. */
const lastBytes = 16 * 1024

/**
 * Starts a service as a child of this process, in the same session: Linux shares the processor out among sessions first
 * (autogroups), so that in one of its own the audit, which is to wait for the line, would take as much as the student.
 */
export function startServiceProcess({ name, configFile, logFile }: StartProcessOptions): StartedProcess {
  const log = openLog(logFile)
  const child = spawn(process.execPath, [program, name, configFile], {
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
  })
  log.close()
  const ended = once(child, 'exit').then(
    ([code, signal]): ProcessEnd => ({ code, signal, lastWords: readLastWords(name, logFile, log.begin) }),
    (reason: Error): ProcessEnd => ({ code: null, signal: null, lastWords: reason.message }),
  )
  // What is sent to a process that has just ended is nobody's error.
  child.on('error', () => undefined)
  return { pid: child.pid ?? 0, ended, signal: (signal) => void child.kill(signal) }
}

/** What the process said last of itself (`NAME: ...`, as every service leaves with an error), else its last line. */
function readLastWords(name: string, logFile: string, begin: number): string {
  try {
    return readWords(name, logFile, begin)
  } catch {
    // The log was moved away.
    return ''
  }
}

function readWords(name: string, logFile: string, begin: number): string {
  const end = statSync(logFile).size
  const from = Math.max(begin, end - lastBytes)
  const bytes = Buffer.alloc(Math.max(0, end - from))
  const file = openSync(logFile, 'r')
  try {
    readSync(file, bytes, 0, bytes.length, from)
  } finally {
    closeSync(file)
  }
  const text = bytes.toString('utf8').trimEnd()
  const said = text.lastIndexOf(`\n${name}: `)
  if (said >= 0) return text.slice(said + 1)
  return text.startsWith(`${name}: `) ? text : text.slice(text.lastIndexOf('\n') + 1)
}
