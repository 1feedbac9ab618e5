import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  type CameraGatewayService,
  type OpenIntakeSchema,
  PixelFormat,
} from '../../gen/pelletline/camera/v1/camera_pb.ts'
import { Polarity } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { type SendProgress, type StripToSend, sendStrips } from '../../shared/camera/send-strips.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { ServiceClient } from '../../shared/rpc/types.ts'
import {
  createSimulatedLine,
  type SimulatedLine,
  type SimulatedLineOptions,
  type SimulatedStrip,
} from './simulated-line.ts'

export interface StreamLineOptions {
  readonly gateway: ServiceClient<typeof CameraGatewayService>
  readonly line: string
  readonly camera: string
  /** Name of the run, new for every run of the camera. */
  readonly run: string
  readonly simulation: Omit<SimulatedLineOptions, 'signal'>
  /** Ends the stream at once; the run stays open at the gateway. */
  readonly signal: AbortSignal
  /** Called when the stream breaks and is to be resumed. */
  readonly onResume?: (error: PelletlineError) => void
  /** Called with every strip before it is sent, for its truth. */
  readonly onStrip?: (strip: SimulatedStrip) => void
  /** As in `sendStrips`; default `lineGiveUpAfterMs`. */
  readonly giveUpAfterMs?: number
}

/** A simulated line that streams to a gateway. */
export interface StreamedLine {
  /** The line that is streamed, for its settings and counters. */
  readonly simulated: SimulatedLine
  /** Ends the run with the next strip. */
  stop(): void
  /** Resolves once every strip of the run is acknowledged; rejects, naming line and run, where the gateway does not take them. */
  readonly finished: Promise<SendProgress>
}

/** Patience of a camera with a gateway that is away, ms: a line stands for ten minutes rather than lose the strips it holds. */
export const lineGiveUpAfterMs = 600_000

/** Streams a simulated line to a gateway as any camera would. Throws `invalid_argument` on wrong settings. */
export function streamLine(options: StreamLineOptions): StreamedLine {
  const { gateway, line, camera, run, signal, onResume, onStrip, giveUpAfterMs = lineGiveUpAfterMs } = options
  const simulated = createSimulatedLine({ ...options.simulation, signal })
  const open = { line, camera, run, ...describeImage(simulated) }
  const finished = sendStrips(gateway, {
    open,
    strips: toStrips(simulated, onStrip),
    signal,
    onResume,
    giveUpAfterMs,
  }).catch((reason) => {
    const { code, message } = PelletlineError.from(reason)
    throw new PelletlineError(code, `The strips of ${line}, run ${run}, could not be delivered: ${message}`, {
      cause: reason,
    })
  })
  // Whoever waits for the end hears of a failure; it may come before anybody does.
  finished.catch(() => undefined)
  return { simulated, stop: () => simulated.stop(), finished }
}

/** `20261125-083000`: names runs so that they sort by time. */
export function nameRun(time: Date): string {
  return time.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
}

function describeImage({ settings }: SimulatedLine): Omit<MessageInitShape<typeof OpenIntakeSchema>, '$typeName'> {
  return {
    width: settings.width,
    pixelFormat: PixelFormat.MONO8,
    optics: { umPerPxAcross: settings.umPerPxAcross, umPerPxAlong: settings.umPerPxAlong },
    polarity: settings.optics.polarity === 'light-on-dark' ? Polarity.LIGHT_ON_DARK : Polarity.DARK_ON_LIGHT,
    simulated: true,
  }
}

async function* toStrips(
  strips: AsyncIterable<SimulatedStrip>,
  onStrip: StreamLineOptions['onStrip'],
): AsyncGenerator<StripToSend> {
  for await (const strip of strips) {
    onStrip?.(strip)
    yield {
      strip: BigInt(strip.strip),
      firstRow: BigInt(strip.firstRow),
      rows: strip.rows,
      rowsLostBefore: BigInt(strip.rowsLostBefore),
      pixels: strip.pixels,
      exposedUnixNs: strip.exposedUnixNs,
      encoder: strip.encoder,
      runEnds: strip.runEnds,
    }
  }
}
