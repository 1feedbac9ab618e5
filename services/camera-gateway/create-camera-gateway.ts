import { CameraGatewayService } from '../gen/pelletline/camera/v1/camera_pb.ts'
import type { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import type { SegmentationService } from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { implement } from '../shared/rpc/implement.ts'
import type { ServiceClient, ServiceImplementation } from '../shared/rpc/types.ts'
import type { Clock } from '../shared/service/clock.ts'
import type { Logger } from '../shared/telemetry/logger.ts'
import { metrics } from '../shared/telemetry/names.ts'
import { noTelemetry, type Telemetry } from '../shared/telemetry/telemetry.ts'
import { createBlockEncoder } from './block-encoder.ts'
import { type CameraGatewayOptions, cameraGatewayOptionsSchema } from './config.ts'
import { createLineIntake, type LineIntake } from './create-line-intake.ts'
import type { Calibrations } from './load-calibrations.ts'
import { createIntakeRecorder } from './record-intake.ts'
import { createStreamStrips } from './stream-strips.ts'

export interface CameraGatewaySetup {
  /** Name of the plant, the first part of every strip's name. */
  readonly plant: string
  readonly registry: ServiceClient<typeof RegistryService>
  readonly segmentation: ServiceClient<typeof SegmentationService>
  readonly clock: Clock
  readonly logger: Logger
  /** Calibrations of cameras; pixels of one that is not there are taken as they are. */
  readonly calibrations?: Calibrations
  /** Defaults where absent. */
  readonly options?: CameraGatewayOptions
  /** Keep strips as sparse blocks and send them so: fewer bytes, some work. Not where segmentation reads this process's memory. */
  readonly sparse?: boolean
  /** None where absent. */
  readonly telemetry?: Telemetry
}

/** Counters of a line's run in progress, or of the last one. */
export interface IntakeSnapshot {
  readonly rowsAcquired: number
  readonly rowsLost: number
  readonly strips: number
  /** Strips received and not yet durable. */
  readonly stripsInFlight: number
  readonly creditLimit: number
  readonly lot: string
}

/** A gateway: the intake of the strips of many lines. */
export interface CameraGateway {
  readonly implementations: ServiceImplementation[]
  /**
   * Takes no further strip, waits until those in flight are durable (at most timeoutMs), acknowledges them, ends the streams
   * with `unavailable`, so that the camera sides resume, and reports the lot segments.
   */
  drain(timeoutMs: number): Promise<void>
  /** Undefined where no stream of the line was opened since the gateway started. */
  snapshot(line: string): IntakeSnapshot | undefined
}

/** Creates the gateway. */
export function createCameraGateway(setup: CameraGatewaySetup): CameraGateway {
  const { plant, registry, segmentation, clock, logger, options = cameraGatewayOptionsSchema.parse({}) } = setup
  const { calibrations = new Map(), telemetry = noTelemetry } = setup
  const record = createIntakeRecorder(telemetry, clock)
  const { creditLimit } = options
  /** One for all lines: it works on a strip at a time, in memory of its own. */
  const encoder = setup.sparse === true ? createBlockEncoder() : undefined
  const intakes = new Map<string, LineIntake>()
  const draining = new AbortController()
  const ending = new AbortController()

  function intakeOf(line: string): LineIntake {
    const known = intakes.get(line)
    if (known !== undefined) return known
    if (intakes.size >= options.maxLines) {
      const message = `Line ${line} is one more than the ${options.maxLines} lines that this gateway takes (maxLines); send it to another gateway.`
      throw new PelletlineError('resource_exhausted', message, { retryable: false })
    }
    const intake = createLineIntake({
      plant,
      line,
      registry,
      segmentation,
      clock,
      logger,
      calibrations,
      options,
      encoder,
      record,
    })
    intakes.set(line, intake)
    return intake
  }

  const releaseGauge = telemetry.gauge(metrics.stripsInFlight, () =>
    [...intakes].map(([line, intake]) => ({ value: intake.inFlight, labels: { line } })),
  )

  /** Waits until no strip is in flight, at most timeoutMs. */
  async function settle(timeoutMs: number): Promise<void> {
    const patience = new AbortController()
    const timer = clock.sleep(timeoutMs, patience.signal).then(
      () => patience.abort(),
      () => {},
    )
    for (const intake of intakes.values()) {
      while (intake.inFlight > 0 && !patience.signal.aborted) await intake.notifier.changed(patience.signal)
    }
    patience.abort()
    await timer
  }

  return {
    implementations: [
      implement(CameraGatewayService, {
        streamStrips: createStreamStrips({ intakeOf, draining: draining.signal, ending: ending.signal }),
        async getIntake({ line }) {
          const intake = intakes.get(line)
          const run = intake?.run
          if (intake === undefined || run === undefined) {
            const known = [...intakes.keys()].join(', ') || 'none'
            const message = `Line ${line} has had no stream since the gateway started; lines seen: ${known}.`
            throw new PelletlineError('not_found', message)
          }
          return {
            run: run.open.run,
            ...run.counters,
            stripsInFlight: intake.inFlight,
            creditLimit,
            threshold: run.light.threshold,
            bedLevel: run.light.bedLevel,
            lightState: run.light.state,
            medianAreaPx: run.size.medianAreaPx,
            sizeState: run.size.state,
            dirtyColumns: run.dirtyColumns.map(({ from, to }) => ({ from, to })),
            calibration: run.calibration,
            smallestSpeckPx: run.smallestSpeckPx,
            lot: intake.lot,
          }
        },
      }),
    ],
    snapshot(line) {
      const intake = intakes.get(line)
      if (intake?.run === undefined) return undefined
      const { rowsAcquired, rowsLost, strips } = intake.run.counters
      return {
        rowsAcquired: Number(rowsAcquired),
        rowsLost: Number(rowsLost),
        strips: Number(strips),
        stripsInFlight: intake.inFlight,
        creditLimit,
        lot: intake.lot,
      }
    },
    async drain(timeoutMs) {
      const began = clock.now()
      const reason = new PelletlineError('unavailable', 'The gateway is shutting down; resume the run.', {
        retryAfterMs: 500,
      })
      draining.abort(reason)
      await settle(timeoutMs)
      ending.abort(reason)
      const left = Math.max(1000, timeoutMs - (clock.now() - began))
      await Promise.all([...intakes.values()].map((intake) => intake.stop(left)))
      releaseGauge()
    },
  }
}
