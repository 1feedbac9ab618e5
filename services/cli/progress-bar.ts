import type { Writable } from 'node:stream'
import { formatCount, formatDuration } from './format-number.ts'

export interface ProgressOptions {
  readonly stream: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly label: string
  /** Units of work in all, > 0. */
  readonly total: number
  /** Plural noun of the unit: "images", "batches". */
  readonly unit: string
  /** Monotonic clock, ms. */
  readonly now: () => number
  /** Pause between two plain lines where the stream is not a terminal, ms; default 10 s. */
  readonly plainIntervalMs?: number
}

/** Shows how far long work has come, and how long it will take. */
export interface Progress {
  /** Sets the units done; `detail` is a few words shown behind the figures. */
  update(done: number, detail?: string): void
  /** Says that so many units were done before this run: they count as done and say nothing of its speed. */
  resume(done: number): void
  /** Takes the bar off the terminal so that a line can be written; the next update draws it again. */
  clear(): void
  /** Ends the display: the bar goes away. */
  end(): void
}

const redrawMs = 100
const barCells = 24

/**
 * A bar with time left on a terminal, redrawn at most ten times a second; elsewhere a plain line every `plainIntervalMs`,
 * so short work writes nothing to a log.
 */
export function createProgress(options: ProgressOptions): Progress {
  const { stream, label, total, unit, now } = options
  const terminal = stream.isTTY === true
  const intervalMs = terminal ? redrawMs : (options.plainIntervalMs ?? 10_000)
  const startedAt = now()
  let shownAt = terminal ? Number.NEGATIVE_INFINITY : startedAt
  let resumed = 0
  let drawn = false
  let ended = false

  const clear = () => {
    if (drawn) stream.write('\r\u001b[2K')
    drawn = false
  }
  return {
    update(done, detail) {
      const at = now()
      if (ended || at - shownAt < intervalMs) return
      shownAt = at
      const share = Math.min(1, Math.max(0, done / total))
      const own = share - resumed
      const left = own > 0 ? ` ${formatDuration(((at - startedAt) * (1 - share)) / own)} left` : ''
      const figures = `${formatCount(Math.floor(done))} of ${formatCount(total)} ${unit},${left}${detail === undefined ? '' : ` · ${detail}`}`
      if (!terminal) {
        stream.write(`${label}: ${Math.floor(share * 100)} %, ${figures}\n`)
        return
      }
      const filled = Math.round(share * barCells)
      const line = `${label} ${'█'.repeat(filled)}${'░'.repeat(barCells - filled)} ${figures}`
      stream.write(
        `\r\u001b[2K${Array.from(line)
          .slice(0, (stream.columns ?? 80) - 1)
          .join('')}`,
      )
      drawn = true
    },
    resume(done) {
      resumed = done / total
    },
    clear,
    end() {
      clear()
      ended = true
    },
  }
}
