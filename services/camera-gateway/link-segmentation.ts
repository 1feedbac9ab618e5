import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  PixelEncoding,
  type SegmentationService,
  type SegmentStripsRequestSchema,
  type SegmentStripsResponse,
} from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import type { Notifier } from '../shared/queue/notifier.ts'
import type { ServiceClient } from '../shared/rpc/types.ts'
import { createBackoff } from '../shared/service/backoff.ts'
import type { Clock } from '../shared/service/clock.ts'
import { decodeBlocks } from '../shared/strips/decode-blocks.ts'
import type { Logger } from '../shared/telemetry/logger.ts'
import type { KeptStrip, KeptStrips } from './kept-strips.ts'

/** What the link needs of a run. */
export interface LinkedRun {
  /** `plant/line/camera/run`, for messages. */
  readonly name: string
  readonly kept: KeptStrips
  /** The run's last strip is among the kept ones or acknowledged. */
  ended(): boolean
  /** Woken whenever a strip is added or the run ends. */
  readonly notifier: Notifier
  /** Takes an answer of segmentation. */
  onAnswer(answer: SegmentStripsResponse): void
}

export interface LinkOptions {
  readonly segmentation: ServiceClient<typeof SegmentationService>
  readonly clock: Clock
  readonly logger: Logger
  readonly retryFirstMs: number
  readonly retryMaxMs: number
}

/** Failures in a row, without an answer between, after which an error that a repetition rarely cures ends the run. */
const maxFaults = 5

/**
 * Sends a run's strips to segmentation until the run has ended and all are acknowledged. A stream that breaks is opened
 * again after a pause, from the first unacknowledged strip on; strips that were answered go along as context. Resolves at
 * the end of the run or on abort; rejects where segmentation refuses a strip, or keeps failing at it.
 */
export async function linkSegmentation(run: LinkedRun, options: LinkOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger } = options
  const backoff = createBackoff({ firstMs: options.retryFirstMs, maxMs: options.retryMaxMs })
  const isDone = () => run.ended() && run.kept.acknowledgedBelow === run.kept.nextStrip
  while (!signal.aborted && !isDone()) {
    const changed = run.notifier.changed(signal)
    if (run.kept.inFlight === 0) {
      await changed
      continue
    }
    try {
      await runStream(run, options.segmentation, signal, () => backoff.succeed())
      if (isDone()) return
      throw new PelletlineError('unavailable', `Segmentation ended the stream of run ${run.name} before its end.`)
    } catch (reason) {
      if (signal.aborted) return
      const error = PelletlineError.from(reason)
      const pauseMs = backoff.fail(error.retryAfterMs)
      if (!canRepeat(error, backoff.failures)) throw error
      const fields = { run: run.name, code: error.code, failures: backoff.failures, pauseMs: Math.round(pauseMs) }
      logger.warn(fields, `stream to segmentation broke: ${error.message}`)
      await clock.sleep(pauseMs, signal).catch(() => {})
    }
  }
}

function canRepeat(error: PelletlineError, failures: number): boolean {
  // Without a time to come back it is a message that is too large, and will be the next time.
  if (error.code === 'resource_exhausted' && error.retryAfterMs === undefined) return false
  if (error.retryable || error.code === 'deadline_exceeded' || error.code === 'cancelled') return true
  return (error.code === 'internal' || error.code === 'data_loss') && failures < maxFaults
}

/** A kept strip as it is sent: as it is kept, or whole. */
function requestOf(strip: KeptStrip, takesBlocks: boolean): MessageInitShape<typeof SegmentStripsRequestSchema> {
  const { header, pixels, sparse, receivedUnixNs, durable: context } = strip
  const common = { header, receivedUnixNs, context }
  if (sparse === undefined) return { ...common, pixels, encoding: PixelEncoding.DENSE }
  const { bitmap: blockBitmap, fill } = sparse
  if (takesBlocks) return { ...common, pixels, encoding: PixelEncoding.BLOCKS_16X4, blockBitmap, fill }
  const { width, rows } = header
  const whole = decodeBlocks({ bitmap: blockBitmap, blocks: pixels, fill }, width, rows, new Uint8Array(width * rows))
  return { ...common, pixels: whole, encoding: PixelEncoding.DENSE }
}

/** One stream: from the first kept strip to the run's end, or to the error by which it breaks. */
async function runStream(
  run: LinkedRun,
  segmentation: ServiceClient<typeof SegmentationService>,
  signal: AbortSignal,
  onProgress: () => void,
): Promise<void> {
  const { kept } = run
  // Aborted in every case at the end: the other side must not go on with strips that another stream sends again.
  const call = new AbortController()
  const abort = () => call.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  let credits = 1
  /** The other side may be of a release that knows whole strips only; its first answer says what it knows. */
  let takesBlocks = false
  let next = kept.acknowledgedBelow

  async function* requests(): AsyncGenerator<MessageInitShape<typeof SegmentStripsRequestSchema>> {
    while (!call.signal.aborted) {
      const changed = run.notifier.changed(call.signal)
      const strip = credits > 0 ? kept.ready(next) : undefined
      if (strip !== undefined) {
        credits--
        next++
        yield requestOf(strip, takesBlocks)
      } else if (run.ended() && next === kept.nextStrip) {
        return
      } else {
        await changed
      }
    }
  }

  try {
    for await (const answer of segmentation.segmentStrips(requests(), { signal: call.signal })) {
      credits += answer.credits
      if (answer.acceptedEncodings.includes(PixelEncoding.BLOCKS_16X4)) takesBlocks = true
      // The answer to a strip of context is no progress: the strip behind it may be the one that fails every time.
      if (answer.strip >= kept.durableBelow) onProgress()
      run.onAnswer(answer)
      run.notifier.notify()
    }
  } finally {
    signal.removeEventListener('abort', abort)
    call.abort(new PelletlineError('cancelled', `The stream of run ${run.name} is over.`))
  }
}
