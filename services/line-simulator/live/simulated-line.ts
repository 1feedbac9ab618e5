import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { RecordedStrip } from '../../shared/recording/index.ts'
import { type Clock, systemClock } from '../../shared/service/clock.ts'
import type { Fault } from '../faults.ts'
import { type LineSettings, type LineSettingsInput, resolveLineSettings } from '../settings.ts'
import type { PelletTruth } from '../truth/pellet-truth.ts'
import { createFreshSource, createRingSource, type StripSource } from './strip-source.ts'
import type { TruthCounts } from './strip-truth.ts'

/** A strip of a simulated line with its truth. Its pixels are the taker's to keep. */
export interface SimulatedStrip extends RecordedStrip {
  /** Pellets that end in this strip, or in lost rows before it. */
  readonly truth: TruthCounts
  /** Those pellets one by one, by last row; only with `truthList`. */
  readonly pellets?: readonly PelletTruth[]
}

/** What a line has done since it began. */
export interface LineCounters {
  readonly strips: number
  readonly rows: number
  readonly rowsLost: number
  readonly pelletsByTruth: number
  readonly ngByTruth: number
  readonly subSizeByTruth: number
  /** Pellets that end in strips that the overrun `lose` dropped; they are in none of the figures above. */
  readonly pelletsDropped: number
}

/** A running line: iterate it once. */
export interface SimulatedLine extends AsyncIterable<SimulatedStrip> {
  readonly settings: LineSettings
  readonly counters: LineCounters
  /** The next strip is the last (`runEnds`). */
  stop(): void
}

export interface SimulatedLineOptions {
  readonly settings?: LineSettingsInput
  readonly seed: number
  readonly faults?: readonly Fault[]
  /** Seconds of the belt that are rendered ahead and then repeated for ever; 0 (the default) renders without repeat. */
  readonly ringSeconds?: number
  /** Times real time; default 1; 0 as fast as strips are taken. */
  readonly speed?: number
  /**
   * When strips are taken too slowly: `slow` stops the feeder until they are (the default); `lose` keeps the belt
   * running, and what the camera cannot hold for `bufferMs` is lost and counted.
   */
  readonly overrun?: 'slow' | 'lose'
  /** How late a strip may be before either happens, ms; default 500. */
  readonly bufferMs?: number
  /** Seconds of belt after which the run ends; left out: never. */
  readonly seconds?: number
  /** Whether strips carry every pellet's truth. */
  readonly truthList?: boolean
  /** Unix time of row 0, ns; default now. */
  readonly startUnixNs?: bigint
  readonly signal?: AbortSignal
  readonly clock?: Clock
  /** Share of the ring that is rendered, 0..1. */
  readonly onProgress?: (share: number) => void
}

/** Rendered strips that wait at most; with the ring, all that a line holds. */
const slotCount = 6

/**
 * Creates a line that renders in a worker thread and gives its strips in real time. The worker starts with the
 * iteration and ends with it. Throws `invalid_argument` on wrong settings; the iteration throws `cancelled` when aborted.
 */
export function createSimulatedLine(options: SimulatedLineOptions): SimulatedLine {
  const settings = resolveLineSettings(options.settings)
  const {
    seed,
    faults = [],
    ringSeconds = 0,
    speed = 1,
    overrun = 'slow',
    bufferMs = 500,
    seconds,
    clock = systemClock,
  } = options
  if (!(speed >= 0)) throw new PelletlineError('invalid_argument', `Speed of the line is ${speed}; 0 or more is valid.`)
  if (!(ringSeconds >= 0))
    throw new PelletlineError('invalid_argument', `Ring of the line is ${ringSeconds} s; 0 or more is valid.`)
  const endRow = seconds === undefined ? undefined : Math.max(1, Math.round(seconds * settings.rowsPerSecond))
  const counters = {
    strips: 0,
    rows: 0,
    rowsLost: 0,
    pelletsByTruth: 0,
    ngByTruth: 0,
    subSizeByTruth: 0,
    pelletsDropped: 0,
  }
  let stopping = false

  const open = (): StripSource => {
    const source = { settings, seed, faults, list: options.truthList ?? false, endRow, onProgress: options.onProgress }
    return ringSeconds > 0 ? createRingSource(source, ringSeconds) : createFreshSource(source, slotCount)
  }

  async function* run(): AsyncGenerator<SimulatedStrip> {
    const { signal } = options
    const source = open()
    try {
      let originNs: bigint | undefined
      let startUnixNs = options.startUnixNs
      let waitedMs = 0
      let dropped = 0
      for (;;) {
        if (signal?.aborted)
          throw new PelletlineError('cancelled', `The simulated line was stopped after ${counters.strips} strips.`)
        const next = await source.take(signal)
        if (next === undefined) return
        const { place, truth } = next
        const end = place.firstRow + place.rows
        originNs ??= clock.nowNs()
        startUnixNs ??= originNs
        if (speed > 0) {
          const dueMs = (1000 * end) / settings.rowsPerSecond / speed + waitedMs
          const lateMs = Number(clock.nowNs() - originNs) / 1e6 - dueMs
          if (lateMs < 0) await clock.sleep(-lateMs, signal)
          else if (lateMs > bufferMs && overrun === 'slow') waitedMs += lateMs - bufferMs
          else if (lateMs > bufferMs && end !== endRow) {
            dropped += place.rows + place.rowsLostBefore
            counters.pelletsDropped += truth.pellets
            next.release()
            continue
          }
        }
        const pixels = next.copyPixels()
        next.release()
        const rowsLostBefore = place.rowsLostBefore + dropped
        dropped = 0
        const strip: SimulatedStrip = {
          strip: counters.strips,
          firstRow: place.firstRow,
          rows: place.rows,
          rowsLostBefore,
          exposedUnixNs:
            startUnixNs + BigInt(Math.round((1e9 * place.firstRow) / settings.rowsPerSecond + 1e6 * waitedMs)),
          encoder: BigInt(Math.round(place.firstRow * settings.umPerPxAlong)),
          lotBegins: counters.strips === 0,
          runEnds: stopping || end === endRow,
          pixels,
          truth: { pellets: truth.pellets, ng: truth.ng, subSize: truth.subSize },
          ...(truth.list === undefined ? {} : { pellets: truth.list }),
        }
        counters.strips++
        counters.rows += place.rows
        counters.rowsLost += rowsLostBefore
        counters.pelletsByTruth += truth.pellets
        counters.ngByTruth += truth.ng
        counters.subSizeByTruth += truth.subSize
        yield strip
        if (strip.runEnds) return
      }
    } finally {
      await source.close()
    }
  }

  let iterated = false
  return {
    settings,
    counters,
    stop: () => {
      stopping = true
    },
    [Symbol.asyncIterator]: () => {
      if (iterated) throw new PelletlineError('failed_precondition', 'A simulated line runs once; create another.')
      iterated = true
      return run()
    },
  }
}
