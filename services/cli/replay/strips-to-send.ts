import type { StripToSend } from '../../shared/camera/send-strips.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { type RecordingReader, replayRecording } from '../../shared/recording/index.ts'
import { systemClock } from '../../shared/service/clock.ts'
import type { ReplayOptions } from './options.ts'

/** What has been sent of a recording so far. */
export interface ReplayCounts {
  strips: number
  rows: number
  /** Damaged strips that were left out, and the rows that are sent as lost for them. */
  damagedStrips: number
  damagedRows: number
}

export interface StripsToSendOptions extends Pick<ReplayOptions, 'speed' | 'fromRow' | 'skipDamaged'> {
  /** Kept up to date while strips are taken. */
  readonly counts: ReplayCounts
  /** Called at every damaged strip that is left out. */
  readonly onSkipped: (error: PelletlineError) => void
  readonly signal: AbortSignal
}

/**
 * Strips as a camera would send them now: numbered from 0, exposed at the time of the replay. The last one ends the run,
 * also where the recording was cut off. At a damaged strip it throws `data_loss`, or with `skipDamaged` leaves it out: its
 * rows are lost rows before the next strip, or before a last one without rows. Throws `data_loss` where no strip is left.
 */
export async function* stripsToSend(
  reader: RecordingReader,
  options: StripsToSendOptions,
): AsyncGenerator<StripToSend, void> {
  const { speed, fromRow, skipDamaged = false, counts, onSkipped, signal } = options
  const first = fromRow === undefined ? 0 : reader.indexOfRow(fromRow)
  const count = reader.stripCount - first
  const start = (await reader.locate(first, signal)).firstRow
  let taken = 0
  /** Row after the last strip that was sent: in the recording, and in the run that is sent. */
  let recordedEnd = start
  let nextRow = 0
  let encoder = 0n
  let ended = false

  const onDamaged = (error: PelletlineError) => {
    if (!skipDamaged) {
      const message = `${error.message} To replay the others, with its rows as lost rows, give --skip-damaged.`
      throw new PelletlineError('data_loss', message, { cause: error })
    }
    taken++
    counts.damagedStrips++
    onSkipped(error)
  }
  const send = (rows: number, pixels: Uint8Array, rowsLostBefore: number): StripToSend => {
    const firstRow = nextRow + rowsLostBefore
    nextRow = firstRow + rows
    return {
      strip: BigInt(counts.strips),
      firstRow: BigInt(firstRow),
      rows,
      rowsLostBefore: BigInt(rowsLostBefore),
      pixels,
      exposedUnixNs: systemClock.nowNs(),
      encoder,
      runEnds: taken === count,
    }
  }

  const replay = { speed, onDamaged, signal, ...(fromRow !== undefined && { fromRow }) }
  for await (const strip of replayRecording(reader, replay)) {
    taken++
    // Rows lost before the first strip belong to what is not replayed.
    const recordedLost = strip.firstRow === start ? 0 : strip.rowsLostBefore
    const lost = Math.max(strip.firstRow - recordedEnd, recordedLost)
    recordedEnd = strip.firstRow + strip.rows
    encoder = strip.encoder
    const message = send(strip.rows, strip.pixels, lost)
    counts.strips++
    counts.rows += strip.rows
    counts.damagedRows += lost - recordedLost
    ended = message.runEnds === true
    yield message
  }
  if (ended) return
  if (counts.strips === 0) {
    throw new PelletlineError('data_loss', `${reader.path} holds no sound strip to replay; restore it from a copy.`)
  }
  const last = await reader.locate(reader.stripCount - 1, signal)
  const lost = Math.max(0, last.firstRow + (last.rows ?? 0) - recordedEnd)
  counts.damagedRows += lost
  yield send(0, new Uint8Array(0), lost)
}
