import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  type CameraGatewayService,
  type CameraStripSchema,
  type OpenIntakeSchema,
  PixelFormat,
} from '../gen/pelletline/camera/v1/camera_pb.ts'
import { Polarity } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { createSimulatedLine, parseFault, type SimulatedLine, type SimulatedStrip } from '../line-simulator/index.ts'
import { sendStrips } from '../shared/camera/send-strips.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import type { ServiceClient } from '../shared/rpc/types.ts'
import type { TruthTally } from './line-status.ts'
import type { PlantOptions } from './options.ts'

/** A simulated line that feeds the plant. */
export interface LineFeed {
  readonly line: string
  /** Lot that was opened for the run. */
  readonly lot: string
  /** Run of its camera. */
  readonly run: string
  /** Ends the run after the strip in hand. */
  stop(): void
  /** Resolves when every strip of the run has been acknowledged; rejects, naming the line, where the gateway does not take them. */
  readonly finished: Promise<void>
  /** Rows sent so far. */
  rows(): number
  /** Seconds from the first strip to the acknowledgement of the last one, or to now. */
  elapsedSeconds(): number
  truth(): TruthTally
}

export interface LineFeedOptions {
  readonly gateway: ServiceClient<typeof CameraGatewayService>
  readonly line: string
  readonly lot: string
  readonly run: string
  readonly seed: number
  readonly plant: PlantOptions
  readonly signal: AbortSignal
}

/** Starts a simulated line whose camera talks to the gateway as any camera would. */
export function feedLine(options: LineFeedOptions): LineFeed {
  const { gateway, line, lot, run, seed, plant, signal } = options
  const simulated = createSimulatedLine({
    settings: { specks: { prevalence: plant.prevalence } },
    seed,
    faults: plant.faults.map(parseFault),
    ...(plant.seconds === undefined ? {} : { seconds: plant.seconds }),
    signal,
  })
  const startedMs = performance.now()
  let endedMs: number | undefined
  const sending = sendStrips(gateway, {
    open: describeIntake(simulated, line, run),
    strips: toStrips(simulated),
    signal,
  })
  const finished = sending.then(
    () => {
      endedMs = performance.now()
    },
    (reason) => {
      endedMs = performance.now()
      const { code, message } = PelletlineError.from(reason)
      throw new PelletlineError(code, `The strips of ${line}, run ${run}, could not be delivered: ${message}`, {
        cause: reason,
      })
    },
  )
  // Whoever waits for the end hears of a failure; it may come before anybody does.
  finished.catch(() => undefined)
  return {
    line,
    lot,
    run,
    stop: () => simulated.stop(),
    finished,
    rows: () => simulated.counters.rows,
    elapsedSeconds: () => Math.max(0.001, ((endedMs ?? performance.now()) - startedMs) / 1000),
    truth: () => ({
      pellets: simulated.counters.pelletsByTruth,
      ng: simulated.counters.ngByTruth,
      subSize: simulated.counters.subSizeByTruth,
    }),
  }
}

function describeIntake(
  simulated: SimulatedLine,
  line: string,
  run: string,
): MessageInitShape<typeof OpenIntakeSchema> {
  const { settings } = simulated
  return {
    line,
    camera: 'camera-1',
    run,
    width: settings.width,
    pixelFormat: PixelFormat.MONO8,
    optics: { umPerPxAcross: settings.umPerPxAcross, umPerPxAlong: settings.umPerPxAlong },
    polarity: settings.optics.polarity === 'light-on-dark' ? Polarity.LIGHT_ON_DARK : Polarity.DARK_ON_LIGHT,
    simulated: true,
  }
}

async function* toStrips(
  strips: AsyncIterable<SimulatedStrip>,
): AsyncGenerator<MessageInitShape<typeof CameraStripSchema>> {
  for await (const strip of strips) {
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
