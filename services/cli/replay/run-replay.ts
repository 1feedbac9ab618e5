import { CameraGatewayService, PixelFormat } from '../../gen/pelletline/camera/v1/camera_pb.ts'
import { Polarity } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { sendStrips } from '../../shared/camera/send-strips.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { openRecording, type RecordingReader } from '../../shared/recording/index.ts'
import { stripMaxMessageBytes } from '../../shared/rpc/channel-options.ts'
import { formatCount, formatDuration } from '../format-number.ts'
import { callPlant } from '../remote/connect-plant.ts'
import type { Terminal } from '../terminal.ts'
import type { ReplayOptions } from './options.ts'
import { type ReplayCounts, stripsToSend } from './strips-to-send.ts'

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
      const { firstRow, rows } = await reader.locate(stripCount - 1, signal)
      const end = firstRow + (rows ?? Number.POSITIVE_INFINITY)
      if (options.fromRow >= end) {
        const message = `--from-row is ${options.fromRow}, but the last row of ${file} is ${end - 1}; give one up to there.`
        throw new PelletlineError('invalid_argument', message)
      }
    }
    if (!reader.closed)
      terminal.note(`${file} was not closed: its ${formatCount(stripCount)} whole strips are replayed.`)
    const damagedPlaces = passDamagedPlaces(reader, first, options, terminal)
    const line = options.line ?? header.line
    const run = options.run ?? `${header.run}-${new Date().toISOString().replace(/[-:]|\.\d+Z$/g, '')}`.slice(0, 63)
    const began = performance.now()
    const progress = terminal.progress(`Replaying to ${line}`, count, 'strips')
    const counts: ReplayCounts = { strips: 0, rows: 0, damagedStrips: damagedPlaces, damagedRows: 0 }
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
          strips: stripsToSend(reader, {
            ...options,
            counts,
            onSkipped: ({ message }) => terminal.note(`Left out: ${message}`),
            signal,
          }),
          onAcknowledged: ({ acknowledgedBelow }) => progress.update(Number(acknowledgedBelow)),
          onResume: ({ message }) => terminal.note(`The stream broke and is taken up again: ${message}`),
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
    if (counts.damagedStrips > 0) {
      const strips = `${formatCount(counts.damagedStrips)} damaged ${counts.damagedStrips === 1 ? 'strip' : 'strips'}`
      terminal.note(`Left out ${strips}; ${formatCount(counts.damagedRows)} rows were sent as lost rows instead.`)
    }
  } finally {
    await reader.close()
  }
}

/** A line that has no intake yet is the usual case. */
function passNotFound(reason: unknown): void {
  if (PelletlineError.from(reason).code !== 'not_found') throw reason
}

/**
 * Places without a sound chunk header, of which the recording's own list knows no strip: counts them where they are to be
 * left out, and throws `data_loss` otherwise. Their rows are missing between the strips beside them.
 */
function passDamagedPlaces(
  { path, damaged }: RecordingReader,
  first: number,
  { skipDamaged = false }: ReplayOptions,
  terminal: Terminal,
): number {
  const places = damaged.filter(({ chunk }, placesBefore) => first === 0 || chunk - placesBefore > first)
  for (const { offset, bytes } of places) {
    const what = `${formatCount(bytes)} bytes of ${path} at byte ${offset} are no sound strip`
    if (!skipDamaged) {
      const message = `${what}; to replay the others, with the missing rows as lost rows, give --skip-damaged.`
      throw new PelletlineError('data_loss', message)
    }
    terminal.note(`Left out: ${what}.`)
  }
  return places.length
}
