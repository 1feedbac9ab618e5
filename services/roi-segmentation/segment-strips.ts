import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  PixelEncoding,
  type SegmentationService,
  type SegmentStripsRequest,
  type SegmentStripsResponseSchema,
} from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import type { Bus } from '../shared/bus/bus.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createBoundedQueue } from '../shared/queue/bounded-queue.ts'
import { abortable } from '../shared/rpc/abortable-iterable.ts'
import type { CallContext, ServiceHandlers } from '../shared/rpc/types.ts'
import type { Logger } from '../shared/telemetry/logger.ts'
import { createAcknowledgementRule } from './acknowledge-strips.ts'
import { type CheckedStrip, createStripCheck } from './check-strip-request.ts'
import type { StripWorkers, WorkerRun } from './create-strip-workers.ts'
import { publishParts } from './publish-parts.ts'
import type { StripRecorder } from './record-strips.ts'
import type { StripReply } from './strip-worker-protocol.ts'

export interface SegmentStripsOptions {
  readonly bus: Bus
  readonly workers: StripWorkers
  /** Strips of one stream that may be in work: being segmented, or waiting for the bus. */
  readonly stripsInWork: number
  /** Most pixels of one strip, however few bytes of it are sent. */
  readonly maxStripPixels: number
  readonly logger: Logger
  /** Told of every strip, within whose span its parts are published. */
  readonly record: StripRecorder
  /** Aborted when the service drains, with the error by which streams end once their strips in work are answered. */
  readonly draining: AbortSignal
}

interface StripInWork {
  readonly strip: CheckedStrip
  readonly reply: Promise<StripReply>
}

type SegmentStrips = ServiceHandlers<typeof SegmentationService>['segmentStrips']
type Response = MessageInitShape<typeof SegmentStripsResponseSchema>

/**
 * The handler of SegmentStrips. Strips are segmented by a worker, published in order and answered once durable; while one
 * waits for the bus the next ones are being segmented. The sender may have `stripsInWork` of them unanswered; one strip
 * before the first answer. Strips that were read before one that is refused are published and answered.
 */
export function createSegmentStrips(options: SegmentStripsOptions): SegmentStrips {
  const { bus, stripsInWork, logger, record } = options

  return async function* segmentStrips(requests, context): AsyncGenerator<Response> {
    const queue = createBoundedQueue<StripInWork>({ limit: stripsInWork + 1 })
    const stream = { run: undefined as WorkerRun | undefined, read: 0, allowed: 1 }
    const reading = readStrips(requests, context, stream)
    const rule = createAcknowledgementRule()
    try {
      for await (const { strip, reply } of queue) {
        const segmented = await reply
        const { parts, neededFromRow, singleAreaPx, shed } = segmented
        await record(strip.header, segmented, () => publishParts(bus, strip.header, parts, context.signal))
        if (shed > 0) logger.warn({ strip: describe(strip), shed }, 'strip holds too many pellets; some were shed')
        const isFirst = stream.allowed === 1
        const credits = isFirst ? stripsInWork : 1
        stream.allowed += credits
        yield {
          strip: strip.header.key?.strip ?? 0n,
          nextStrip: rule.settle(strip.header, neededFromRow),
          singleAreaPx: [...singleAreaPx],
          credits,
          acceptedEncodings: isFirst ? [PixelEncoding.BLOCKS_16X4] : [],
        }
      }
      const refusal = await reading
      if (refusal !== undefined) throw refusal
    } finally {
      queue.close()
      stream.run?.close()
    }

    /** Reads until the end, the drain or the first strip that is refused; resolves with the refusal. */
    async function readStrips(
      incoming: AsyncIterable<SegmentStripsRequest>,
      { signal }: CallContext,
      state: typeof stream,
    ): Promise<PelletlineError | undefined> {
      const check = createStripCheck(options.maxStripPixels)
      try {
        for await (const request of abortable(incoming, options.draining)) {
          const strip = check(request)
          state.run ??= options.workers.openRun({
            width: strip.header.width,
            resumed: (strip.header.key?.strip ?? 0n) > 0n,
          })
          if (state.read++ >= state.allowed) throw refuseUncredited(strip, stripsInWork)
          const reply = state.run.segment({
            header: strip.header,
            pixels: strip.pixels,
            sparse:
              strip.encoding === PixelEncoding.BLOCKS_16X4
                ? { bitmap: strip.blockBitmap, fill: strip.fill }
                : undefined,
            receivedUnixNs: strip.receivedUnixNs,
            context: strip.context,
          })
          // The reader of the queue sees the failure in its turn.
          reply.catch(() => {})
          await queue.push({ strip, reply }, signal)
        }
        return undefined
      } catch (reason) {
        return PelletlineError.from(reason)
      } finally {
        queue.close()
      }
    }
  }
}

function describe(strip: CheckedStrip): string {
  const { key } = strip.header
  return `${key?.plant}/${key?.line}/${key?.camera}/${key?.run}/${key?.strip}`
}

function refuseUncredited(strip: CheckedStrip, stripsInWork: number): PelletlineError {
  return new PelletlineError(
    'resource_exhausted',
    `Strip ${describe(strip)} came without a credit: one before the first answer, then ${stripsInWork} unanswered. Resume and wait for credits.`,
    { retryAfterMs: 100 },
  )
}
