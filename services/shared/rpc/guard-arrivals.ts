import { AsyncLocalStorage } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import { constants, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js'
import { PelletlineError } from '../errors/pelletline-error.ts'
import type { Logger } from '../telemetry/logger.ts'
import { capTimeout } from './cap-timeout.ts'
import { fromStatus, toStatus } from './error-status.ts'
import { createMessageFollower, type MessageFollower } from './follow-messages.ts'

/** What may arrive at one method. */
export interface ArrivalLimit {
  /** `pelletline.mes.v1.LotService/OpenLot`. */
  readonly name: string
  /** Whether the caller sends a stream. */
  readonly streamsIn: boolean
  /** Largest message, bytes. */
  readonly maxMessageBytes: number
  /** Whether that is the bound of the server, which its configuration can raise. */
  readonly raisable: boolean
}

export interface ArrivalGuardOptions {
  /** By the path of each method. */
  readonly limits: ReadonlyMap<string, ArrivalLimit>
  /**
   * Bytes of the requests and messages that have begun and are not complete, over all connections. As many more may be what
   * complete ones become that are not yet unpacked.
   */
  readonly maxBytesInHand: number
  /** Bytes to which grpc-js unpacks a message at most. */
  readonly maxUnpackedBytes: number
  /** How long a single request may take to arrive, and a message of a stream may stand still, ms. */
  readonly timeoutMs: number
  /** Connections to one listening address. */
  readonly maxConnections: number
  /** Told of every call with one request that ended before the request was complete, whoever ended it. */
  readonly onRefused: (call: RefusedCall) => void
  readonly logger: Logger
}

/** A call that ended before its one request was complete. */
export interface RefusedCall {
  /** `pelletline.mes.v1.LotService/OpenLot`. */
  readonly name: string
  readonly metadata: Metadata
  /** Address of the caller; `unknown` where its connection is gone. */
  readonly peer: string
  /** The status that was sent, or that the caller has gone. */
  readonly error: PelletlineError
}

/** Watches what callers have begun to send, which grpc-js holds for as long as they like. */
export interface ArrivalGuard {
  /** To be the innermost interceptor of the server. */
  readonly interceptor: ServerInterceptor
  /** Guards the HTTP/2 servers that begin to listen within `bind`. Rejects with `internal` where there was none. */
  whileBinding<T>(bind: () => Promise<T>): Promise<T>
  /** Why the call with this metadata was ended, where the guard has ended it. */
  refusalOf(metadata: Metadata): PelletlineError | undefined
  /** Ends the call with this metadata: with a status where its caller reads as far as that within a second, by a reset where not. */
  refuse(metadata: Metadata, reason: PelletlineError): void
  /** Ends the calls whose only request has not come to its end, which nobody else knows of. */
  refuseUnfinished(reason: PelletlineError): void
  close(): void
}

/** A call whose request, or a message of whose stream, may be on its way. */
interface Arrival {
  readonly limit: ArrivalLimit
  readonly stream: ServerHttp2Stream
  readonly follower: MessageFollower
  /** Ends the call with an error, unless it has been done. */
  readonly refuse: (error: PelletlineError) => void
  /** Bytes of a request, or of a message of a stream, that is not complete. */
  unfinished: number
  /** Messages that grpc-js unpacks: which of the call, and to how many bytes at most. */
  readonly unpacking: { readonly number: number; readonly bytes: number }[]
  /** Bytes of all that is unpacked. */
  reserved: number
  completed: number
  delivered: number
  /** Since when it has been waited for, ms. */
  since: number
  /** It was late the last time that all were looked at. */
  late: boolean
  refused: boolean
  /** Its status has been sent, or its caller has gone: grpc-js drops what still comes. */
  ended: boolean
}

/** How long a caller may read its status before its stream is reset, ms. */
const resetAfterMs = 100
/** When the stream of a caller that does not read as far as its status is reset, ms. */
const cancelAfterMs = 1000
const dropsToldEveryMs = 60_000
/** A byte of deflate becomes no more than these. */
const mostUnpacked = 1032
const listening = 'tracing:net.server.listen:asyncStart'

/** The refusal of a message that is larger than its limit. */
export function tooLargeError({ name, maxMessageBytes, raisable }: ArrivalLimit, bytes: number): PelletlineError {
  const next = raisable
    ? 'Send less in one message, or raise maxMessageBytes of the service.'
    : 'Send less in one message.'
  const text = `A message of ${name} has ${bytes} bytes; at most ${maxMessageBytes} are taken. ${next}`
  return new PelletlineError('resource_exhausted', text, { retryable: false })
}

function tooMuchInHand(maxBytes: number, what: string): PelletlineError {
  const text = `More than ${maxBytes} bytes of ${what} are in hand; send this one again in a second.`
  return new PelletlineError('resource_exhausted', text, { retryAfterMs: 1000 })
}

function tooLate({ name, streamsIn }: ArrivalLimit, timeoutMs: number): PelletlineError {
  const text = streamsIn
    ? `A message of ${name} began and then stood still for ${timeoutMs} ms; open the stream again and send it again.`
    : `The request of ${name} did not come to its end within ${timeoutMs} ms; send it again, or send less at once.`
  return new PelletlineError('deadline_exceeded', text)
}

function cutShort({ name, streamsIn }: ArrivalLimit): PelletlineError {
  const what = streamsIn ? `The stream of ${name}` : `The request of ${name}`
  return new PelletlineError('cancelled', `${what} ended within a message; send it again as a whole.`)
}

/** Before grpc-js, which would say so in words of its own. */
function notOne({ name }: ArrivalLimit, got: 'more' | 'none'): PelletlineError {
  return new PelletlineError('invalid_argument', `${name} takes one request and got ${got}; send one.`)
}

/** Why a call ended before its request was complete, where the guard did not end it: by a status of grpc-js, or by its caller. */
function endedOtherwise(name: string, { sentHeaders }: ServerHttp2Stream): PelletlineError {
  const code = sentHeaders?.['grpc-status']
  if (code === undefined) return new PelletlineError('cancelled', `The caller of ${name} has gone.`)
  const details = decodeURI(String(sentHeaders?.['grpc-message']))
  return fromStatus({ code: Number(code), details }, name)
}

/** Resets the stream of a call that is over: with it goes what grpc-js holds of its messages. */
function letGo(stream: ServerHttp2Stream): void {
  const resetWhereRead = () => {
    if (stream.writableFinished) stream.close(constants.NGHTTP2_NO_ERROR)
  }
  const reset = () => {
    // Without an error it would wait for a caller that does not read.
    stream.close(stream.writableFinished ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_CANCEL)
    // Nor does it wait for a connection that takes nothing any more.
    stream.destroy()
  }
  setTimeout(resetWhereRead, resetAfterMs).unref()
  setTimeout(reset, cancelAfterMs).unref()
}

/**
 * Bounds what a server holds of requests that are not complete: grpc-js knows neither a time for them nor a sum. It finds
 * the HTTP/2 servers of grpc-js by Node's channel `net.server.listen`, follows their streams beside grpc-js by the prefixes
 * of the messages, and ends a call by the interceptor of the same call. A stream between two messages is left alone, and so
 * is one that the handler does not read.
 */
export function createArrivalGuard(options: ArrivalGuardOptions): ArrivalGuard {
  const { limits, maxBytesInHand, maxUnpackedBytes, timeoutMs, maxConnections, onRefused, logger } = options
  const binding = new AsyncLocalStorage<true>()
  const waiting = new Set<Arrival>()
  const refusals = new WeakMap<Metadata, PelletlineError>()
  const arrivals = new WeakMap<Metadata, Arrival>()
  let unfinishedInHand = 0
  let reservedInHand = 0
  /** The stream whose call grpc-js is about to make; both happen within one event. */
  let current: ServerHttp2Stream | undefined

  function setUnfinished(arrival: Arrival, bytes: number): void {
    unfinishedInHand += bytes - arrival.unfinished
    arrival.unfinished = bytes
    if (bytes > 0) waiting.add(arrival)
    else waiting.delete(arrival)
  }

  function setReserved(arrival: Arrival, bytes: number): void {
    reservedInHand += bytes - arrival.reserved
    arrival.reserved = bytes
  }

  function noteComplete(arrival: Arrival, length: number, packed: boolean): void {
    arrival.completed += 1
    if (!packed) return
    const bytes = Math.min(maxUnpackedBytes, mostUnpacked * length)
    arrival.unpacking.push({ number: arrival.completed, bytes })
    setReserved(arrival, arrival.reserved + bytes)
  }

  function noteDelivered(arrival: Arrival): void {
    arrival.delivered += 1
    const [next] = arrival.unpacking
    if (next?.number !== arrival.delivered) return
    arrival.unpacking.shift()
    setReserved(arrival, arrival.reserved - next.bytes)
  }

  function take(arrival: Arrival, chunk: Buffer): void {
    if (arrival.ended) return
    const { limit, follower } = arrival
    const largest = follower.take(chunk)
    setUnfinished(arrival, limit.streamsIn ? follower.unfinished() : arrival.unfinished + chunk.length)
    if (limit.streamsIn) {
      arrival.since = performance.now()
      arrival.late = false
    }
    if (largest > limit.maxMessageBytes) arrival.refuse(tooLargeError(limit, largest))
    else if (unfinishedInHand > maxBytesInHand && arrival.unfinished > 0) {
      arrival.refuse(tooMuchInHand(maxBytesInHand, 'unfinished requests'))
    } else if (reservedInHand > maxBytesInHand && arrival.reserved > 0) {
      // A call without packed messages need not wait for those of others.
      arrival.refuse(tooMuchInHand(maxBytesInHand, 'requests that wait to be unpacked'))
    }
  }

  function noteEnded(arrival: Arrival): void {
    arrival.ended = true
    waiting.delete(arrival)
    // It counts until then, since grpc-js holds it.
    if (!arrival.refused && arrival.unfinished + arrival.reserved > 0) letGo(arrival.stream)
  }

  /** Two looks in a row must find it late: after a pause of this process what has come meanwhile is read first. */
  function lookAt(arrival: Arrival, now: number): void {
    if (arrival.stream.isPaused()) {
      // The handler does not read, so the caller cannot go on.
      arrival.since = now
      arrival.late = false
    } else if (now - arrival.since < timeoutMs) arrival.late = false
    else if (arrival.late) arrival.refuse(tooLate(arrival.limit, timeoutMs))
    else arrival.late = true
  }
  const looks = setInterval(() => {
    const now = performance.now()
    for (const arrival of waiting) lookAt(arrival, now)
  }, timeoutMs / 8)
  looks.unref()

  const interceptor: ServerInterceptor = ({ path }, call) => {
    const stream = current!
    const limit = limits.get(path)!
    let metadata: Metadata | undefined
    let complete = false
    /** Nobody else knows of a call whose request is not complete. */
    const noteUnknown = () => {
      if (limit.streamsIn || complete || metadata === undefined) return
      const { name } = limit
      onRefused({ name, metadata, peer: call.getPeer(), error: refusals.get(metadata) ?? endedOtherwise(name, stream) })
    }
    const arrival: Arrival = {
      limit,
      stream,
      follower: createMessageFollower((length, packed) => noteComplete(arrival, length, packed)),
      unfinished: 0,
      unpacking: [],
      reserved: 0,
      completed: 0,
      delivered: 0,
      since: performance.now(),
      late: false,
      refused: false,
      ended: false,
      refuse(error) {
        if (arrival.refused) return
        arrival.refused = true
        if (metadata !== undefined) refusals.set(metadata, error)
        call.sendStatus(toStatus(error))
        letGo(stream)
      },
    }
    // Before grpc-js, which would refuse a large message in words of its own.
    stream.prependListener('data', (chunk: Buffer) => take(arrival, chunk))
    // Before grpc-js, to which a stream that ends within a message looks complete.
    stream.prependOnceListener('end', () => {
      if (arrival.refused || arrival.ended) return
      if (arrival.follower.unfinished() > 0) arrival.refuse(cutShort(limit))
      else setUnfinished(arrival, 0)
    })
    stream.once('close', () => {
      arrival.unpacking.length = 0
      setReserved(arrival, 0)
      setUnfinished(arrival, 0)
    })
    if (!limit.streamsIn) waiting.add(arrival)
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata(received, pass) {
            metadata = received
            arrivals.set(received, arrival)
            pass(received)
          },
          onReceiveMessage(message, pass) {
            noteDelivered(arrival)
            if (!limit.streamsIn && arrival.delivered > 1) arrival.refuse(notOne(limit, 'more'))
            else pass(message)
          },
          onReceiveHalfClose(pass) {
            if (!limit.streamsIn && arrival.delivered === 0) arrival.refuse(notOne(limit, 'none'))
            else {
              complete = true
              pass()
            }
          },
          // grpc-js tells this of every call, of an answered one as well, as soon as its status is on its way.
          onCancel() {
            noteEnded(arrival)
            noteUnknown()
          },
        }),
    })
  }

  let droppedToldAt = Number.NEGATIVE_INFINITY
  function tellDrop(): void {
    const now = performance.now()
    if (now - droppedToldAt < dropsToldEveryMs) return
    droppedToldAt = now
    logger.warn({ maxConnections }, 'a connection was turned away, since there are too many; close some')
  }

  function guard(server: Http2Server): void {
    server.maxConnections = maxConnections
    server.on('drop', tellDrop)
    server.prependListener('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      current = stream
      const timeout = headers['grpc-timeout']
      if (typeof timeout === 'string') headers['grpc-timeout'] = capTimeout(timeout)
    })
    server.on('stream', () => {
      current = undefined
    })
  }

  return {
    interceptor,
    async whileBinding(bind) {
      let found = 0
      const onListen = (message: unknown) => {
        if (binding.getStore() !== true) return
        found += 1
        guard((message as { readonly server: Http2Server }).server)
      }
      const channelOfServers = channel(listening)
      channelOfServers.subscribe(onListen)
      try {
        const bound = await binding.run(true, bind)
        if (found > 0) return bound
        const text = `This version of Node tells of no server on ${listening}; run the version that Pelletline installs.`
        throw new PelletlineError('internal', text)
      } finally {
        channelOfServers.unsubscribe(onListen)
      }
    },
    refusalOf: (metadata) => refusals.get(metadata),
    refuse: (metadata, reason) => arrivals.get(metadata)?.refuse(reason),
    refuseUnfinished(reason) {
      for (const arrival of waiting) if (!arrival.limit.streamsIn) arrival.refuse(reason)
    },
    close: () => clearInterval(looks),
  }
}
