import type { MessageInitShape } from '@bufbuild/protobuf'
import type { RegistryService, ReportLotSegmentRequestSchema } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createBoundedQueue } from '../shared/queue/bounded-queue.ts'
import type { ServiceClient } from '../shared/rpc/types.ts'
import { createBackoff } from '../shared/service/backoff.ts'
import type { Clock } from '../shared/service/clock.ts'
import { withinTime } from '../shared/service/within-time.ts'
import type { Logger } from '../shared/telemetry/logger.ts'

/** Strips of one run that were stamped with one lot. */
export type LotSegment = MessageInitShape<typeof ReportLotSegmentRequestSchema>

export interface SegmentReporterOptions {
  readonly registry: ServiceClient<typeof RegistryService>
  readonly clock: Clock
  readonly logger: Logger
  readonly retryFirstMs: number
  readonly retryMaxMs: number
}

/** Reports lot segments to the registry, in their order, each until it succeeds. */
export interface SegmentReporter {
  /** Hands a segment over; waits while too many wait to be reported, so that none is lost. Rejects with `cancelled` on abort. */
  report(segment: LotSegment, signal?: AbortSignal): Promise<void>
  /** Waits at most timeoutMs for what is left to be reported, then stops; returns how many were not. */
  drain(timeoutMs: number): Promise<number>
}

/** Segments that may wait: hours of an unreachable registry, since a lot lasts minutes at least. */
const maxWaiting = 256

/** Creates a reporter; one report is under way at a time. */
export function createSegmentReporter(options: SegmentReporterOptions): SegmentReporter {
  const { registry, clock, logger } = options
  const queue = createBoundedQueue<LotSegment>({ limit: maxWaiting })
  const stopping = new AbortController()
  let unreported = 0

  async function send(segment: LotSegment): Promise<void> {
    const backoff = createBackoff({ firstMs: options.retryFirstMs, maxMs: options.retryMaxMs })
    const fields = {
      lot: segment.lot,
      line: segment.first?.line,
      run: segment.first?.run,
      strips: Number(segment.strips),
    }
    while (!stopping.signal.aborted) {
      try {
        await registry.reportLotSegment(segment, { signal: stopping.signal, timeoutMs: 10_000 })
        unreported--
        return
      } catch (reason) {
        const error = PelletlineError.from(reason)
        if (stopping.signal.aborted) return
        if (error.code === 'invalid_argument' || error.code === 'unimplemented') {
          unreported--
          logger.error({ ...fields, code: error.code }, `the registry refuses a lot segment: ${error.message}`)
          return
        }
        const pauseMs = backoff.fail(error.retryAfterMs)
        logger.warn({ ...fields, code: error.code }, `a lot segment could not be reported yet: ${error.message}`)
        await clock.sleep(pauseMs, stopping.signal).catch(() => {})
      }
    }
  }

  const sending = (async () => {
    for await (const segment of queue) await send(segment)
  })()

  return {
    async report(segment, signal) {
      unreported++
      try {
        await queue.push(segment, signal)
      } catch (reason) {
        unreported--
        throw reason
      }
    },
    async drain(timeoutMs) {
      queue.close()
      await withinTime(sending, timeoutMs, clock)
      stopping.abort()
      await sending
      if (unreported > 0)
        logger.error({ segments: unreported }, 'lot segments were not reported before the drain ended')
      return unreported
    },
  }
}
