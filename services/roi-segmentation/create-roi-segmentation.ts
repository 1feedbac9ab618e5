import { SegmentationService } from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import type { Bus } from '../shared/bus/bus.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { implement } from '../shared/rpc/implement.ts'
import type { ServiceImplementation } from '../shared/rpc/types.ts'
import type { Clock } from '../shared/service/clock.ts'
import { withinTime } from '../shared/service/within-time.ts'
import type { Logger } from '../shared/telemetry/logger.ts'
import { noTelemetry, type Telemetry } from '../shared/telemetry/telemetry.ts'
import type { SegmentationOptions } from './config.ts'
import { createImageWorker } from './create-image-worker.ts'
import { createStripWorkers } from './create-strip-workers.ts'
import { createStripRecorder } from './record-strips.ts'
import { createSegmentStrips } from './segment-strips.ts'

export interface RoiSegmentationOptions {
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
  readonly options: SegmentationOptions
  /** None where absent. */
  readonly telemetry?: Telemetry
  /** Program of the worker threads, for tests; the service's own where absent. */
  readonly workerUrl?: URL
}

/** Segmentation of strips and images. */
export interface RoiSegmentation {
  readonly implementations: ServiceImplementation[]
  /**
   * Takes no further strip, answers those in work (at most timeoutMs), ends the streams with `unavailable`, so that the
   * gateways resume them elsewhere, and ends the workers.
   */
  drain(timeoutMs: number): Promise<void>
}

/** Creates the service: strips of runs in worker threads with crops to the bus, and single images. */
export function createRoiSegmentation(setup: RoiSegmentationOptions): RoiSegmentation {
  const { bus, clock, logger, options, workerUrl, telemetry = noTelemetry } = setup
  const record = createStripRecorder(telemetry)
  const { workers, maxRuns, stripsInWork, maxStripPixels, maxPelletRows, maxPelletsPerStrip } = options
  const { maxImagePixels, maxImages } = options
  const limits = { maxPelletRows, maxPelletsPerStrip }
  const pool = createStripWorkers({
    workers,
    maxRuns,
    limits,
    clock,
    ...(workerUrl === undefined ? {} : { workerUrl }),
  })
  const images = createImageWorker({ limits: { maxImagePixels }, maxImages })
  const draining = new AbortController()
  const open = new Set<Promise<void>>()
  const segmentStrips = createSegmentStrips({
    bus,
    workers: pool,
    stripsInWork,
    maxStripPixels,
    logger,
    record,
    draining: draining.signal,
  })

  return {
    implementations: [
      implement(SegmentationService, {
        segmentImage: (request) => images.segment(request),
        async *segmentStrips(requests, context) {
          const { promise, resolve } = Promise.withResolvers<void>()
          open.add(promise)
          try {
            yield* segmentStrips(requests, context)
          } finally {
            open.delete(promise)
            resolve()
          }
        },
      }),
    ],
    async drain(timeoutMs) {
      draining.abort(
        new PelletlineError('unavailable', 'Segmentation is shutting down; resume the run.', { retryAfterMs: 500 }),
      )
      const ended = await withinTime(Promise.all(open), timeoutMs, clock)
      if (!ended) logger.warn({ streams: open.size, timeoutMs }, 'streams were still open after the drain')
      await Promise.all([pool.close(), images.close()])
    },
  }
}
