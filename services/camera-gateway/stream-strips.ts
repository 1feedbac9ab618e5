import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  CameraGatewayService,
  OpenIntake,
  StreamStripsRequest,
  StreamStripsResponseSchema,
} from '../gen/pelletline/camera/v1/camera_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { abortable } from '../shared/rpc/abortable-iterable.ts'
import type { ServiceHandlers } from '../shared/rpc/types.ts'
import type { IntakeSession, LineIntake } from './create-line-intake.ts'

export interface StreamStripsOptions {
  /** The intake of a line, made where there is none yet; `resource_exhausted` where there are too many. */
  readonly intakeOf: (line: string) => LineIntake
  /** Aborted when the gateway drains: it takes no further strip. */
  readonly draining: AbortSignal
  /** Aborted when the drain is over: streams end. */
  readonly ending: AbortSignal
}

type StreamStrips = ServiceHandlers<typeof CameraGatewayService>['streamStrips']
type Response = MessageInitShape<typeof StreamStripsResponseSchema>

/**
 * The handler of StreamStrips: reads strips on one side and acknowledges on the other, each at its own pace; what is to be
 * acknowledged is looked up, not queued, so that a slow reader costs no memory. After the last request the stream ends
 * once all strips are durable.
 */
export function createStreamStrips({ intakeOf, draining, ending }: StreamStripsOptions): StreamStrips {
  return async function* streamStrips(requests, { signal }): AsyncGenerator<Response> {
    const incoming = abortable(requests, draining)
    const open = await readOpening(incoming)
    const session = intakeOf(open.line).open(open)
    const { run, notifier } = session
    try {
      const reading = readStrips(incoming, session, signal)
      const { nextStrip, credits } = session.opened
      yield { message: { case: 'opened', value: { nextStrip, credits } } }
      const waking = AbortSignal.any([signal, ending])
      for (;;) {
        const changed = notifier.changed(waking)
        const header = session.nextStamp()
        if (header !== undefined) {
          yield { message: { case: 'stamp', value: { header } } }
          // The transport has it: a crash from here on does not take it back.
          session.told(header)
          continue
        }
        const acknowledgement = session.acknowledge()
        if (acknowledgement !== undefined) {
          yield { message: { case: 'acknowledgement', value: acknowledgement } }
          continue
        }
        if (signal.aborted) return
        if (run.failure !== undefined) throw run.failure
        if (ending.aborted) throw ending.reason
        // While the gateway drains, the acknowledgements of what it has still go out.
        if (reading.refusal !== undefined && !draining.aborted) throw reading.refusal
        if (reading.done && !draining.aborted && run.kept.inFlight === 0) return
        await changed
      }
    } finally {
      session.close()
    }
  }
}

async function readOpening(incoming: AsyncIterator<StreamStripsRequest>): Promise<OpenIntake> {
  const first = await incoming.next()
  if (first.done) {
    throw new PelletlineError('invalid_argument', 'The stream ended without a message; send `open` first, then strips.')
  }
  const { message } = first.value
  if (message.case === 'open') return message.value
  const description = 'the first message of a stream opens it; send `open` with line, camera, run and width first'
  throw new PelletlineError('invalid_argument', `message: ${description}`, {
    violations: [{ field: 'message', description }],
  })
}

interface Reading {
  /** No strip will come. */
  done: boolean
  /** Why, where a strip was refused. */
  refusal: PelletlineError | undefined
}

/** Reads strips beside the answers. */
function readStrips(
  incoming: AsyncIterable<StreamStripsRequest>,
  session: IntakeSession,
  signal: AbortSignal,
): Reading {
  const state: Reading = { done: false, refusal: undefined }
  const read = async () => {
    for await (const { message } of incoming) {
      if (message.case !== 'strip') {
        throw new PelletlineError('invalid_argument', 'A stream is opened once; send strips after `open`.')
      }
      await session.take(message.value, signal)
    }
  }
  void read()
    .catch((reason) => {
      state.refusal = PelletlineError.from(reason)
    })
    .then(() => {
      state.done = true
      session.notifier.notify()
    })
  return state
}
