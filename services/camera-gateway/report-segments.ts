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
  /** Hands segments over; waits while too many wait to be reported, so that none is lost. What comes after the drain is logged as lost. */
  report(segments: readonly LotSegment[]): Promise<void>
  /** Waits at most timeoutMs for all to be reported that were handed over, then stops; logs and returns how many were not. */
  drain(timeoutMs: number): Promise<number>
}

/** Segments that may wait: hours of an unreachable registry, since a lot lasts minutes at least. */
const maxWaiting = 256

/** Creates a reporter; one report is under way at a time. */
export function createSegmentReporter(options: SegmentReporterOptions): SegmentReporter {
  const { registry, clock, logger } = options
  const queue = createBoundedQueue<LotSegment>({ limit: maxWaiting })
  const stopping = new AbortController()
  const unreported = new Set<LotSegment>()
  /** Segments that are being handed over, some of which may wait for room. */
  const handingOver = new Set<Promise<void>>()
  let drained = false

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
        unreported.delete(segment)
        return
      } catch (reason) {
        const error = PelletlineError.from(reason)
        if (stopping.signal.aborted) return
        if (error.code === 'invalid_argument' || error.code === 'unimplemented') {
          unreported.delete(segment)
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

  async function handOver(segments: readonly LotSegment[]): Promise<void> {
    for (const segment of segments) await queue.push(segment)
  }

  function logLost(segments: readonly LotSegment[], what: string): void {
    const fields = { segments: segments.length, lots: [...new Set(segments.map(({ lot }) => lot))] }
    const next = 'where no gateway takes up the run again, the lot closes without a count of its strips: check it'
    logger.error(fields, `lot segments were not reported ${what}; ${next}`)
  }

  return {
    async report(segments) {
      if (segments.length === 0) return
      if (drained) {
        logLost(segments, 'since they came after the drain')
        return
      }
      for (const segment of segments) unreported.add(segment)
      const handed = handOver(segments)
      handingOver.add(handed)
      await handed.finally(() => handingOver.delete(handed))
    },
    async drain(timeoutMs) {
      const all = (async () => {
        // Who waits for room has the same time as who has got it.
        while (handingOver.size > 0) await Promise.all(handingOver)
        drained = true
        queue.close()
        await sending
      })()
      await withinTime(all, timeoutMs, clock)
      stopping.abort()
      await all
      if (unreported.size > 0) logLost([...unreported], 'before the drain ended')
      return unreported.size
    },
  }
}
