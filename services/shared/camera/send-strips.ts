import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  CameraGatewayService,
  OpenIntakeSchema,
  StreamStripsRequestSchema,
  StreamStripsResponse,
} from '../../gen/pelletline/camera/v1/camera_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { createNotifier } from '../queue/notifier.ts'
import type { ServiceClient } from '../rpc/types.ts'
import { createBackoff } from '../service/backoff.ts'
import { type Clock, systemClock } from '../service/clock.ts'
import { createHeldStrips, type StripToSend } from './held-strips.ts'

export type { StripToSend } from './held-strips.ts'

/** How far a run has come at the gateway. */
export interface SendProgress {
  /** Strips below are acknowledged; their pixels may be used anew. */
  readonly acknowledgedBelow: bigint
  /** Strips below are durable. */
  readonly durableBelow: bigint
}

export interface SendStripsOptions {
  /** Opening of the run; `firstStrip` is the number of the first strip that `strips` gives, 0 where absent. */
  readonly open: MessageInitShape<typeof OpenIntakeSchema>
  /**
   * Strips in order; the next one is asked for only when there is a credit to send it. Their pixels must stay as they are
   * until the strip is acknowledged, since a broken stream sends them again.
   */
  readonly strips: AsyncIterable<StripToSend>
  readonly signal?: AbortSignal | undefined
  /** Called at every acknowledgement. */
  readonly onAcknowledged?: ((progress: SendProgress) => void) | undefined
  /** Called when a stream breaks and is to be resumed. */
  readonly onResume?: ((error: PelletlineError) => void) | undefined
  /**
   * Time since the first of several breaks, after which no more is tried, ms; default 60,000. It begins anew where more is
   * acknowledged or durable, and where the gateway that has opened the stream again lacks no strip that the source has given.
   */
  readonly giveUpAfterMs?: number | undefined
  readonly clock?: Clock | undefined
}

type Request = MessageInitShape<typeof StreamStripsRequestSchema>

/**
 * Sends the strips of one run to a gateway, within its credits, and resumes after a break from the strip that the gateway
 * names. It holds the strips that are not acknowledged: as many as the credits, and those over which a pellet can be open,
 * since a credit comes back once its strip is durable. Resolves once the source has ended and all its strips are durable
 * (acknowledged, if the last one ends the run). Rejects with the gateway's error where it refuses, with the last error where
 * nothing has moved for giveUpAfterMs, on abort with the signal's reason, what was acknowledged until then and why the last
 * stream broke.
 */
export async function sendStrips(
  client: ServiceClient<typeof CameraGatewayService>,
  options: SendStripsOptions,
): Promise<SendProgress> {
  const { open, signal, onAcknowledged, onResume, giveUpAfterMs = 60_000, clock = systemClock } = options
  const held = createHeldStrips(options.strips, open.firstStrip ?? 0n)
  const backoff = createBackoff({ firstMs: 50, maxMs: 2000 })
  let durableBelow = open.durableBelow ?? 0n
  let brokenAtNs: bigint | undefined
  let lastBreak: PelletlineError | undefined
  const progress = (): SendProgress => ({ acknowledgedBelow: held.acknowledgedBelow, durableBelow })

  function setWhole(): void {
    brokenAtNs = undefined
    lastBreak = undefined
  }

  function stopped(): PelletlineError {
    const { code, message } = PelletlineError.from(signal?.reason, 'cancelled')
    const acknowledged =
      held.acknowledgedBelow === (open.firstStrip ?? 0n)
        ? 'nothing was acknowledged'
        : `strips below ${held.acknowledgedBelow} were acknowledged`
    const broken = lastBreak === undefined ? '' : `; the stream had broken before: ${lastBreak.message}`
    const text = `${message.replace(/\.$/, '')}. Of run ${open.run}, ${acknowledged}${broken}`
    return new PelletlineError(code, `${text.replace(/\.$/, '')}.`, { cause: signal?.reason })
  }

  /** One stream, until its end. */
  async function runStream(): Promise<void> {
    const call = new AbortController()
    const abort = () => call.abort(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    if (signal?.aborted) abort()
    const notifier = createNotifier()
    let credits = 0
    let next: bigint | undefined

    async function* requests(): AsyncGenerator<Request> {
      const opening = { ...open, firstStrip: held.acknowledgedBelow, durableBelow, keepsStamps: true }
      yield { message: { case: 'open', value: opening } }
      while (!call.signal.aborted) {
        const changed = notifier.changed(call.signal)
        if (next === undefined || credits === 0) {
          await changed
          continue
        }
        const strip = await held.get(next, call.signal)
        if (call.signal.aborted) return
        if (strip === undefined) return
        credits--
        next++
        yield { message: { case: 'strip', value: strip } }
      }
    }

    function take({ message }: StreamStripsResponse): void {
      switch (message.case) {
        case 'opened':
          next = message.value.nextStrip
          held.checkStart(next)
          credits = message.value.credits
          // A line that stands still gives nothing that could be acknowledged.
          if (next === held.end) setWhole()
          break
        case 'acknowledgement':
          // A gateway says in every stream how far it is, also where none of its strips gets through.
          if (message.value.nextStrip > held.acknowledgedBelow || message.value.durableBelow > durableBelow) {
            setWhole()
            backoff.succeed()
          }
          held.acknowledge(message.value.nextStrip)
          credits += message.value.credits
          if (message.value.durableBelow > durableBelow) durableBelow = message.value.durableBelow
          onAcknowledged?.(progress())
          break
        case 'stamp':
          if (message.value.header !== undefined) held.stamp(message.value.header)
          break
        case undefined:
          break
        default:
          message satisfies never
      }
      notifier.notify()
    }

    try {
      for await (const response of client.streamStrips(requests(), { signal: call.signal })) take(response)
    } finally {
      signal?.removeEventListener('abort', abort)
      call.abort(new PelletlineError('cancelled', 'The stream of strips is over.'))
    }
  }

  try {
    for (;;) {
      try {
        await runStream()
        if (held.ended && durableBelow >= held.end) return progress()
        throw new PelletlineError('unavailable', `The gateway ended the stream of run ${open.run} before its end.`)
      } catch (reason) {
        if (signal?.aborted) throw stopped()
        const error = PelletlineError.from(reason)
        if (held.failed || !canResume(error)) throw error
        // Not by the time of day, which may be set meanwhile.
        brokenAtNs ??= clock.nowNs()
        if (Number(clock.nowNs() - brokenAtNs) / 1e6 > giveUpAfterMs) throw error
        lastBreak = error
        onResume?.(error)
        await clock.sleep(backoff.fail(error.retryAfterMs), signal).catch((cause) => {
          throw signal?.aborted ? stopped() : cause
        })
      }
    }
  } finally {
    await held.close()
  }
}

/** Whether the run can be taken up again after this error. */
function canResume({ code, retryable, retryAfterMs }: PelletlineError): boolean {
  switch (code) {
    case 'resource_exhausted':
      // Without a time to come back it is a message that is too large, and will be the next time.
      return retryable && retryAfterMs !== undefined
    case 'already_exists':
      // With a time to come back it is a stream of this run, broken before the gateway has seen it. Another run is not waited
      // for: it would be ended at the first break of its stream.
      return retryAfterMs !== undefined
    case 'deadline_exceeded':
      // A strip stood still on its way, and the gateway did not wait for it any longer.
      return true
    default:
      return retryable
  }
}
