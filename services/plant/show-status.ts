import type { LineStatus } from './line-status.ts'
import { renderStatusLine, renderStatusTable } from './render-status.ts'

/** Where a plant shows its lines while it runs. */
export interface StatusDisplay {
  readonly intervalMs: number
  show(statuses: readonly LineStatus[]): void
  /** Draws the next table below what stands there, since something else was written. */
  restart(): void
}

/** The part of a standard stream that is used. */
export interface TextStream {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

/**
 * A table that is redrawn in place on a terminal, as much of it as fits there; elsewhere a plain line per line of the
 * plant every five seconds, without escape codes.
 */
export function createStatusDisplay(stream: TextStream): StatusDisplay {
  if (stream.isTTY !== true) {
    const told = new Set<string>()
    return {
      intervalMs: 5000,
      show(statuses) {
        for (const status of statuses) stream.write(`${renderStatusLine(status)}\n`)
        for (const { id, message } of statuses.flatMap(({ alerts }) => alerts)) {
          if (!told.has(id)) stream.write(`${id}: ${message}\n`)
          told.add(id)
        }
      },
      restart() {},
    }
  }
  let shownLines = 0
  return {
    intervalMs: 500,
    show(statuses) {
      // Some terminals say 0 where they do not know.
      const width = (stream.columns || 120) - 1
      const room = Math.max(2, (stream.rows || 24) - 1)
      const messages = statuses.flatMap(({ alerts }) => alerts.map(({ id, message }) => `${id}: ${message}`))
      const table = [...renderStatusTable(statuses, width), ...messages].map((line) => line.slice(0, width))
      // What has scrolled away cannot be drawn over.
      const lines =
        table.length <= room ? table : [...table.slice(0, room - 1), `${table.length - room + 1} more lines`]
      const up = shownLines === 0 ? '' : `\u001b[${shownLines}A`
      stream.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`)
      shownLines = lines.length
    },
    restart() {
      shownLines = 0
    },
  }
}
