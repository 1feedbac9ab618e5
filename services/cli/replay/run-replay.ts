import { CameraGatewayService, PixelFormat } from '../../gen/pelletline/camera/v1/camera_pb.ts'
import { Polarity } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { type StripToSend, sendStrips } from '../../shared/camera/send-strips.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { openRecording, type RecordingReader, replayRecording } from '../../shared/recording/index.ts'
import { stripMaxMessageBytes } from '../../shared/rpc/channel-options.ts'
import { systemClock } from '../../shared/service/clock.ts'
import { formatCount, formatDuration } from '../format-number.ts'
import { callPlant } from '../remote/connect-plant.ts'
import type { Terminal } from '../terminal.ts'
import type { ReplayOptions } from './options.ts'

/** Replays a recording into the camera gateway of a plant; resolves once every strip is durable there. */
export async function runReplay(
  file: string,
  options: ReplayOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const reader = await openRecording(file, { signal })
  try {
    const { header, stripCount } = reader
    const first = options.fromRow === undefined ? 0 : reader.indexOfRow(options.fromRow)
    const count = stripCount - first
    if (count <= 0)
      throw new PelletlineError('invalid_argument', `${file} holds no whole strip; nothing can be replayed.`)
    if (options.fromRow !== undefined) {
      const last = await reader.read(stripCount - 1, signal)
      const end = last.firstRow + last.rows
      if (options.fromRow >= end) {
        const message = `--from-row is ${options.fromRow}, but the last row of ${file} is ${end - 1}; give one up to there.`
        throw new PelletlineError('invalid_argument', message)
      }
    }
    if (!reader.closed)
      terminal.note(`${file} was not closed: its ${formatCount(stripCount)} whole strips are replayed.`)
    const line = options.line ?? header.line
    const run = options.run ?? `${header.run}-${new Date().toISOString().replace(/[-:]|\.\d+Z$/g, '')}`.slice(0, 63)
    const began = performance.now()
    const progress = terminal.progress(`Replaying to ${line}`, count, 'strips')
    const counts = { strips: 0, rows: 0 }
    await callPlant(
      CameraGatewayService,
      options.address,
      async (client) => {
        // A plant that is not there is told at once; one that goes away later is waited for.
        await client.getIntake({ line }, { signal }).catch(passNotFound)
        return sendStrips(client, {
          open: {
            line,
            camera: header.camera,
            run,
            width: header.width,
            pixelFormat: PixelFormat.MONO8,
            optics: { umPerPxAcross: header.umPerPxAcross, umPerPxAlong: header.umPerPxAlong },
            polarity: header.polarity === 'dark-on-light' ? Polarity.DARK_ON_LIGHT : Polarity.LIGHT_ON_DARK,
            simulated: true,
          },
          strips: stripsToSend(reader, options, count, counts, signal),
          onAcknowledged: ({ acknowledgedBelow }) => progress.update(Number(acknowledgedBelow)),
          onResume: (error) => terminal.note(`The stream broke and is taken up again: ${error.message}`),
          signal,
        })
      },
      { maxMessageBytes: stripMaxMessageBytes },
    ).finally(() => progress.end())
    const elapsedMs = performance.now() - began
    terminal.printJson({ file, line, run, ...counts, elapsedMs: Math.round(elapsedMs) })
    const rate = formatCount((counts.rows * 1000) / elapsedMs)
    terminal.note(
      `Replayed ${formatCount(counts.strips)} strips, ${formatCount(counts.rows)} rows, as run ${run} of ${line} in ` +
        `${formatDuration(elapsedMs)} (${rate} rows/s).`,
    )
  } finally {
    await reader.close()
  }
}

/** A line that has no intake yet is the usual case. */
function passNotFound(reason: unknown): void {
  if (PelletlineError.from(reason).code !== 'not_found') throw reason
}

/**
 * Strips as a camera would send them now: numbered from 0, exposed at the time of the replay. The last one ends the run,
 * also where the recording was cut off.
 */
async function* stripsToSend(
  reader: RecordingReader,
  options: ReplayOptions,
  count: number,
  counts: { strips: number; rows: number },
  signal: AbortSignal,
): AsyncGenerator<StripToSend> {
  const { speed, fromRow } = options
  let firstRow = 0
  for await (const strip of replayRecording(reader, { speed, ...(fromRow !== undefined && { fromRow }), signal })) {
    const number = counts.strips++
    // Rows lost before the first strip belong to what is not replayed.
    const rowsLostBefore = number === 0 ? 0 : strip.rowsLostBefore
    const row = firstRow + rowsLostBefore
    firstRow = row + strip.rows
    counts.rows += strip.rows
    yield {
      strip: BigInt(number),
      firstRow: BigInt(row),
      rows: strip.rows,
      rowsLostBefore: BigInt(rowsLostBefore),
      pixels: strip.pixels,
      exposedUnixNs: systemClock.nowNs(),
      encoder: strip.encoder,
      runEnds: number === count - 1,
    }
  }
}
