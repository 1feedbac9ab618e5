import type { IncomingHttpHeaders, IncomingMessage, Agent as PlainAgent } from 'node:http'
import { request as plainRequest } from 'node:http'
import { type Agent, request as tlsRequest } from 'node:https'
import { PelletlineError } from '../../../errors/pelletline-error.ts'

/** A request that has been signed. */
export interface SignedRequest {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
}

export interface SendOptions {
  readonly agent: Agent | PlainAgent
  /** For request and answer together, ms. */
  readonly timeoutMs: number
  /** Most bytes of an answer of status 200. */
  readonly maxBytes: number
  /** What is read, for messages. */
  readonly source: string
  readonly signal: AbortSignal | undefined
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Most that is read of an answer that is an error, bytes. */
const maxErrorBytes = 65_536

/** Codes of Node under which no connection was made, or one was lost. */
const lostCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])

function requestAnswer({ url, headers }: SignedRequest, agent: SendOptions['agent'], signal: AbortSignal) {
  const request = url.protocol === 'https:' ? tlsRequest : plainRequest
  return new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { agent, headers, signal }, resolve).on('error', reject).end()
  })
}

async function readBody(answer: IncomingMessage, { maxBytes, source }: SendOptions): Promise<Buffer> {
  const stated = Number(answer.headers['content-length'] ?? Number.NaN)
  const limit = answer.statusCode === 200 ? maxBytes : maxErrorBytes
  const refuse = () => {
    answer.destroy()
    const size = stated > limit ? `${stated} bytes` : `more than ${limit} bytes`
    const text = `${source} has ${size}; at most ${limit} are read: give a smaller file, or raise maxModelBytes where it is a model.`
    return new PelletlineError('failed_precondition', text)
  }
  if (stated > limit) throw refuse()
  const parts: Buffer[] = []
  let length = 0
  try {
    for await (const part of answer as AsyncIterable<Buffer>) {
      length += part.length
      if (length > limit) throw refuse()
      parts.push(part)
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ECONNRESET') throw cause
    const whole = Number.isNaN(stated) ? '' : ` of ${stated}`
    const text = `${source} ended after ${length}${whole} bytes: the connection was lost; try again.`
    throw new PelletlineError('unavailable', text, { cause })
  }
  return Buffer.concat(parts, length)
}

/** What went wrong below HTTP, in words. */
function explain(cause: unknown, { url }: SignedRequest, options: SendOptions, limit: AbortSignal): PelletlineError {
  const { source, signal, timeoutMs } = options
  if (cause instanceof PelletlineError) return cause
  if (signal?.aborted) return new PelletlineError('cancelled', `The reading of ${source} was cancelled.`, { cause })
  if (limit.aborted) {
    const text = `${source} was not read within ${timeoutMs} ms; check the network to ${url.origin}, or raise timeoutMs.`
    return new PelletlineError('deadline_exceeded', text, { cause })
  }
  const { code = '', message } = cause as NodeJS.ErrnoException
  if (lostCodes.has(code)) {
    const text = `${url.origin} cannot be reached for ${source} (${code}); check endpoint, and that the store runs.`
    return new PelletlineError('unavailable', text, { cause })
  }
  if (code.startsWith('HPE_')) {
    const text = `${url.origin} does not answer as HTTP has it for ${source} (${message}); check endpoint.`
    return new PelletlineError('failed_precondition', text, { cause })
  }
  const next = 'check that endpoint has the right scheme and name, and that tls.caFile names its authority'
  const text = `${source} cannot be read: no trusted connection to ${url.origin} (${code || message}); ${next}.`
  return new PelletlineError('failed_precondition', text, { cause })
}

/**
 * Sends one GET and reads its answer, whatever its status. Rejects with `unavailable` where no connection is made or it is lost on
 * the way (a body shorter than stated is), `failed_precondition` where the server's certificate is not accepted or the answer is
 * larger than `maxBytes`, `deadline_exceeded` and `cancelled`.
 */
export async function sendRequest(signed: SignedRequest, options: SendOptions): Promise<Answer> {
  const limit = AbortSignal.timeout(options.timeoutMs)
  const signal = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit])
  try {
    const answer = await requestAnswer(signed, options.agent, signal)
    const body = await readBody(answer, options)
    return { status: answer.statusCode ?? 0, headers: answer.headers, body }
  } catch (cause) {
    throw explain(cause, signed, options, limit)
  }
}
