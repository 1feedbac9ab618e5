import { PelletlineError } from '../errors/pelletline-error.ts'
import { type Clock, systemClock } from '../service/clock.ts'
import type { RecordingReader } from './open-recording.ts'
import type { RecordedStrip } from './recording-format.ts'

export interface ReplayOptions {
  /** Times real time, by the strips' time stamps; 0 (the default) as fast as strips are taken. */
  readonly speed?: number
  /** Where to begin: a row of the run, or a time of exposure (Unix ns); default the first strip. */
  readonly fromRow?: number
  readonly fromUnixNs?: bigint
  /** What to do at a damaged strip: throw `data_loss` (the default), or leave it out and report it. */
  readonly onDamaged?: 'throw' | ((error: PelletlineError) => void)
  readonly signal?: AbortSignal
  readonly clock?: Clock
}

/**
 * Replays a recording. A strip is given once its last row would have been exposed; when the taker is late, the strips
 * after it follow at once until the pace is met again. Aborting throws `cancelled`.
 */
export async function* replayRecording(
  reader: RecordingReader,
  options: ReplayOptions = {},
): AsyncGenerator<RecordedStrip> {
  const { speed = 0, clock = systemClock, onDamaged = 'throw', signal } = options
  if (!(speed >= 0))
    throw new PelletlineError('invalid_argument', `Replay speed is ${speed}; 0 (as fast as taken) or more is valid.`)
  const from =
    options.fromRow !== undefined
      ? reader.indexOfRow(options.fromRow)
      : options.fromUnixNs !== undefined
        ? reader.indexOfTime(options.fromUnixNs)
        : 0
  let begin: { readonly unixNs: bigint; readonly clockNs: bigint } | undefined
  for (let index = from; index < reader.stripCount; index++) {
    if (signal?.aborted)
      throw new PelletlineError('cancelled', `Replay of ${reader.path} stopped before strip ${index}.`)
    let strip: RecordedStrip
    try {
      strip = await reader.read(index, signal)
    } catch (reason) {
      const error = PelletlineError.from(reason)
      if (error.code !== 'data_loss' || onDamaged === 'throw') throw error
      onDamaged(error)
      continue
    }
    if (speed > 0) {
      begin ??= { unixNs: strip.exposedUnixNs, clockNs: clock.nowNs() }
      const exposureMs =
        Number(strip.exposedUnixNs - begin.unixNs) / 1e6 + (1000 * strip.rows) / reader.header.rowsPerSecond
      const waitMs = exposureMs / speed - Number(clock.nowNs() - begin.clockNs) / 1e6
      if (waitMs > 0) await clock.sleep(waitMs, signal)
    }
    yield strip
  }
}
