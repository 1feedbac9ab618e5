import type { Writable } from 'node:stream'
import { createProgress, type Progress } from './progress-bar.ts'
import { type Column, renderTable } from './render-table.ts'
import { stringifyJson } from './stringify-json.ts'

/** An output stream, with what tells a terminal from a pipe. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number }

export interface TerminalOptions {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  /** Results go to stdout as one JSON object per line, everything else to stderr. */
  readonly json: boolean
}

/** Where a command writes: results, notes for the person, progress. */
export interface Terminal {
  readonly json: boolean
  /** Columns of the person's terminal; `undefined` where the output is not a terminal. */
  readonly width: number | undefined
  /** A line of the answer: stdout, or stderr with --json. */
  print(line: string): void
  /** A table of the answer, fitted to the terminal. */
  printTable(columns: readonly Column[], rows: readonly (readonly string[])[]): void
  /** One line of JSON on stdout; nothing without --json. */
  printJson(value: unknown): void
  /** A remark beside the answer: stderr. */
  note(line: string): void
  /** Progress of long work on stderr: a bar on a terminal, plain lines now and then elsewhere. */
  progress(label: string, total: number, unit: string): Progress
}

/** Makes the terminal of one run of the command line. */
export function createTerminal(options: TerminalOptions): Terminal {
  const { stdout, stderr, json } = options
  const answers = json ? stderr : stdout
  const width = answers.isTTY === true ? (answers.columns ?? 80) : undefined
  let running: Progress | undefined
  const write = (stream: OutputStream, line: string) => {
    running?.clear()
    stream.write(`${showControls(line)}\n`)
  }
  return {
    json,
    width,
    print: (line) => write(answers, line),
    printTable: (columns, rows) => {
      const cells = rows.map((row) => row.map((cell) => showControls(cell).replaceAll('\n', '\\x0a')))
      for (const line of renderTable(columns, cells, width)) write(answers, line)
    },
    printJson: (value) => {
      if (json) write(stdout, stringifyJson(value))
    },
    note: (line) => write(stderr, line),
    progress: (label, total, unit) => {
      running = createProgress({ stream: stderr, label, total, unit, now: () => performance.now() })
      return running
    },
  }
}

/** Control characters as escapes, since a file name or a remote answer may hold codes that drive the terminal; lines stay lines. */
export function showControls(text: string): string {
  return text.replace(/(?!\n)\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
