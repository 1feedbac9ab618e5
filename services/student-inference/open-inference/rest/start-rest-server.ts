import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'
import {
  boundAddress,
  describeBindFailure,
  parseListenAddress,
  removeStaleSocket,
} from '../../../shared/rpc/listen-address.ts'
import type { Logger } from '../../../shared/telemetry/logger.ts'
import { noTelemetry, type Telemetry } from '../../../shared/telemetry/telemetry.ts'
import type { ServedModels } from '../served-models.ts'
import { answerRest } from './answer-rest.ts'
import { findRoute } from './find-route.ts'
import { createRequestMeter } from './measure-requests.ts'
import { createBodyReader, tooLargeMessage } from './read-body.ts'
import { errorReply, failureReply, type RestReply } from './rest-reply.ts'

export interface RestServerOptions {
  /** `HOST:PORT`, `:PORT` (loopback) or `unix:PATH`. */
  readonly listen: string
  readonly models: ServedModels
  /** Largest body, bytes; eight such bodies may be in hand at once. */
  readonly maxBodyBytes: number
  /** A request that has not come to its end after this, ms, is refused; default 30 s. */
  readonly requestTimeoutMs?: number
  /** A connection whose caller neither sends nor reads what there is for it for so long is cut, ms; default two minutes. */
  readonly silenceLimitMs?: number
  readonly logger: Logger
  /** Counts and times of the requests; none where absent. */
  readonly telemetry?: Telemetry
}

/** The REST half of the Open Inference Protocol, listening. */
export interface RestServer {
  /** Where it listens, with the port that was bound. */
  readonly address: string
  /** Takes no new connection, waits for the requests in hand at most `timeoutMs`, then aborts the rest. */
  drain(timeoutMs: number): Promise<void>
}

const bodiesInHand = 8
const maxConnections = 512
/** A connection without a request for so long is closed, ms; clients keep one open between their requests. */
const keepAliveMs = 65_000
const abortGraceMs = 500
const refusalGraceMs = 1000
const silentGraceMs = 500

function send(response: ServerResponse, { status, headers, body }: RestReply, last: boolean): void {
  if (response.headersSent || response.destroyed) return
  const length = body.reduce((sum, part) => sum + part.length, 0)
  response.writeHead(status, { ...headers, 'content-length': length, ...(last ? { connection: 'close' } : {}) })
  for (const part of body) response.write(part)
  response.end()
}

/** Answers what never became a request: bytes that are no HTTP, or a head or body that did not come to its end in time. */
function refuseConnection(socket: Socket, error: NodeJS.ErrnoException): void {
  if (!socket.writable) return
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const [line, message] = late
    ? ['408 Request Timeout', 'The request did not come to its end in time; send it again.']
    : error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'The head of the request is too large; send fewer headers.']
      : ['400 Bad Request', 'This is no HTTP request; send one to a path below /v2.']
  const body = JSON.stringify({ error: message })
  const head = `HTTP/1.1 ${line}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
  socket.end(`${head}Connection: close\r\n\r\n${body}`)
  // Long enough to read the refusal, but not as long as the caller likes.
  setTimeout(() => socket.destroy(), refusalGraceMs).unref()
}

/** Starts the REST half. Throws `failed_precondition` where the address cannot be bound. */
export async function startRestServer(options: RestServerOptions): Promise<RestServer> {
  const { listen, models, maxBodyBytes, logger, telemetry = noTelemetry } = options
  const { requestTimeoutMs = 30_000, silenceLimitMs = 120_000 } = options
  const target = parseListenAddress(listen)
  const bodies = createBodyReader({ maxBytes: maxBodyBytes, maxBytesInHand: bodiesInHand * maxBodyBytes })
  const measure = createRequestMeter(telemetry)
  const calls = new Set<AbortController>()
  const connections = new Set<Socket>()
  /** Connections whose request was answered before it came to its end; a second answer would be taken for the next one's. */
  const answered = new WeakSet<Socket>()
  let draining = false

  async function answer(request: IncomingMessage, response: ServerResponse, controller: AbortController) {
    const found = findRoute(request.url ?? '')
    if (found === undefined) {
      return errorReply(404, `There is nothing at ${(request.url ?? '').slice(0, 200)}; the protocol begins at /v2.`)
    }
    if (found.method === 'any') throw new PelletlineError('unimplemented', found.notOffered)
    const { method, route } = found
    if (request.method !== method) {
      return errorReply(
        405,
        `${(request.url ?? '').slice(0, 200)} is asked for with ${method}, not with ${request.method}.`,
        {
          allow: method,
        },
      )
    }
    const { remoteAddress = 'unknown', remotePort = 0 } = request.socket
    const caller = { route, signal: controller.signal, peer: `${remoteAddress}:${remotePort}` }
    if (method === 'GET') return answerRest(models, { ...caller, body: new Uint8Array(0), headerLength: undefined })
    // A caller that asks first is told before it sends what would be refused.
    const tooLarge = Number(request.headers['content-length'] ?? 0) > maxBodyBytes
    if (request.headers.expect !== undefined) {
      if (tooLarge) return errorReply(413, tooLargeMessage(maxBodyBytes), { connection: 'close' })
      response.writeContinue()
    }
    return bodies.withBody(request, async (body) => {
      if (body.kind === 'refused') return errorReply(body.status, body.message)
      const header = request.headers['inference-header-content-length']
      const headerLength = Array.isArray(header) ? header.join() : header
      return answerRest(models, { ...caller, body: body.bytes, headerLength })
    })
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const controller = new AbortController()
    const note = measure(request)
    const { socket } = request
    calls.add(controller)
    // Whoever waits for an answer is silent for as long as we are; the request itself has a time of its own to arrive.
    socket.setTimeout(0)
    response.on('close', () => {
      if (!response.writableFinished) controller.abort(new PelletlineError('cancelled', 'The caller has gone.'))
    })
    try {
      const reply = await answer(request, response, controller).catch((reason) => {
        const error = PelletlineError.from(controller.signal.aborted ? controller.signal.reason : reason)
        const fields = { path: request.url?.slice(0, 200), code: error.code, peer: request.socket.remoteAddress }
        if (error.code === 'internal') logger.error({ ...fields, err: error.cause ?? error }, 'REST request failed')
        else logger.debug(fields, `REST request failed: ${error.message}`)
        return failureReply(error)
      })
      socket.setTimeout(silenceLimitMs)
      send(response, reply, draining)
      note(reply.status)
      if (!request.complete) {
        answered.add(socket)
        request.once('end', () => answered.delete(socket))
        // What comes after a refusal is read and thrown away, so that the caller gets to read the refusal.
        request.resume()
      }
    } finally {
      calls.delete(controller)
    }
  }

  const server = createServer({
    requestTimeout: requestTimeoutMs,
    headersTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, requestTimeoutMs),
    keepAliveTimeout: keepAliveMs,
  })
  server.maxConnections = maxConnections
  server.timeout = silenceLimitMs
  server.on('connection', (socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
  })
  const onRequest = (request: IncomingMessage, response: ServerResponse) => void handle(request, response)
  server.on('request', onRequest)
  server.on('checkContinue', onRequest)
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (answered.has(socket)) socket.destroy()
    else refuseConnection(socket, error)
  })

  await removeStaleSocket(target)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(describeBindFailure(listen, error, 'restListen')))
    if (target.startsWith('unix:')) server.listen(target.slice('unix:'.length), resolve)
    else {
      const colon = target.lastIndexOf(':')
      server.listen(Number(target.slice(colon + 1)), target.slice(0, colon).replace(/^\[|\]$/g, ''), resolve)
    }
  })
  const bound = server.address()
  const address = boundAddress(target, typeof bound === 'string' ? 0 : (bound as AddressInfo).port)
  logger.info({ address }, 'REST server listens')

  async function shutDown(timeoutMs: number): Promise<void> {
    draining = true
    const closed = new Promise<boolean>((resolve) => server.close(() => resolve(true)))
    // Node closes those that idle after a request, and takes those that have sent nothing yet for busy; what such a one has
    // under way is let in.
    const endSilent = () => {
      for (const socket of connections) if (socket.bytesRead === 0) socket.destroy()
    }
    setTimeout(endSilent, silentGraceMs).unref()
    const within = async (ms: number) => {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const timer = setTimeout(() => resolve(false), ms)
      const done = await Promise.race([closed, promise])
      clearTimeout(timer)
      return done
    }
    if (await within(timeoutMs)) return
    const text = `The server at ${address} shuts down; send the request again when it is back.`
    for (const controller of calls) controller.abort(new PelletlineError('unavailable', text, { retryAfterMs: 1000 }))
    if (!(await within(abortGraceMs))) server.closeAllConnections()
  }

  let drained: Promise<void> | undefined
  return {
    address,
    drain(timeoutMs) {
      drained ??= shutDown(timeoutMs)
      return drained
    },
  }
}
