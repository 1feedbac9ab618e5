import type { LineStatus } from './line-status.ts'
import { renderStatusLine, renderStatusTable } from './render-status.ts'

/** Where a plant shows its lines while it runs. */
export interface StatusDisplay {
  readonly intervalMs: number
  show(statuses: readonly LineStatus[]): void
}

interface TextStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/**
 * A table that is redrawn in place on a terminal; elsewhere a plain line per line of the plant every five seconds,
 * without escape codes.
 */
export function createStatusDisplay(stream: TextStream): StatusDisplay {
  if (stream.isTTY !== true) {
    return {
      intervalMs: 5000,
      show(statuses) {
        for (const status of statuses) stream.write(`${renderStatusLine(status)}\n`)
      },
    }
  }
  let shownLines = 0
  return {
    intervalMs: 500,
    show(statuses) {
      const width = stream.columns ?? 120
      const lines = renderStatusTable(statuses).map((line) => line.slice(0, width - 1))
      const up = shownLines === 0 ? '' : `\u001b[${shownLines}A`
      stream.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`)
      shownLines = lines.length
    },
  }
}
