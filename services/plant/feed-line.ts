import type { CameraGatewayService } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { parseFault, streamLine } from '../line-simulator/index.ts'
import type { ServiceClient } from '../shared/rpc/types.ts'
import type { TruthTally } from './line-status.ts'
import type { PlantOptions } from './options.ts'

/** A simulated line that feeds the plant. */
export interface LineFeed {
  readonly line: string
  /** Lot with which the run begins. */
  readonly lot: string
  /** Run of its camera. */
  readonly run: string
  /** Ends the run after the strip in hand. */
  stop(): void
  /** Resolves when every strip of the run has been acknowledged; rejects, naming the line, where the gateway does not take them. */
  readonly finished: Promise<unknown>
  /** Rows sent so far. */
  rows(): number
  /** When the line began, on the clock of `performance.now()`. */
  readonly startedAtMs: number
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
  const { simulated, stop, finished } = streamLine({
    gateway,
    line,
    camera: 'camera-1',
    run,
    simulation: {
      settings: { specks: { prevalence: plant.prevalence } },
      seed,
      faults: plant.faults.map(parseFault),
      speed: plant.speed,
      ...(plant.seconds === undefined ? {} : { seconds: plant.seconds }),
    },
    signal,
  })
  const { counters } = simulated
  return {
    line,
    lot,
    run,
    stop,
    finished,
    rows: () => counters.rows,
    startedAtMs: performance.now(),
    truth: () => ({ pellets: counters.pelletsByTruth, ng: counters.ngByTruth, subSize: counters.subSizeByTruth }),
  }
}
