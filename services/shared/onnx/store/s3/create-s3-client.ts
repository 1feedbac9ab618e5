import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent as PlainAgent } from 'node:http'
import { Agent } from 'node:https'
import { AwsV4Signer } from 'aws4fetch'
import { readS3Environment, type S3Environment } from '../../../config/s3-environment.ts'
import { PelletlineError } from '../../../errors/pelletline-error.ts'
import { createBackoff } from '../../../service/backoff.ts'
import type { Clock } from '../../../service/clock.ts'
import type { S3Place } from '../model-place-config.ts'
import { type Asked, askedPauseMs, describeRefusal, isMissing, isPassing, notS3 } from './describe-refusal.ts'
import { type ListingPage, readListingPage } from './read-answers.ts'
import { readCredentials } from './read-credentials.ts'
import { type Answer, type SignedRequest, sendRequest } from './send-request.ts'

export interface S3ClientOptions {
  readonly clock: Clock
  /** `AWS_*`; that of the process where absent. */
  readonly environment?: S3Environment
}

/** An object as it is now. */
export interface S3Object {
  readonly etag: string
  readonly body: Buffer
}

/** The two calls of S3 that a store of models needs. */
export interface S3Client {
  /** Scheme, host and port of the server. */
  readonly origin: string
  /** One page of the keys right below a prefix, which ends with a slash or is empty. */
  list(prefix: string, page: string | undefined, signal: AbortSignal | undefined): Promise<ListingPage>
  /** An object of at most `maxBytes`; undefined where there is none. */
  get(key: string, maxBytes: number, signal: AbortSignal | undefined): Promise<S3Object | undefined>
}

const defaultRegion = 'us-east-1'
/** Connections to the store at once, of one process. */
const maxSockets = 8
const firstPauseMs = 200
const maxPauseMs = 5_000
/** A listing of 1,000 keys of 1,024 characters with all that S3 says of them, with room. */
const maxListingBytes = 4_194_304
const digestOfNothing = createHash('sha256').digest('hex')

function readAuthorities(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const text = `tls.caFile of the model store, ${path}, cannot be read (${(cause as Error).message}); name a file that this user can read.`
    throw new PelletlineError('failed_precondition', text, { cause })
  }
}

/** The bucket's address by its path: works with every store, whatever its name, and needs no certificate for each bucket. */
function addressOf(place: S3Place, region: string, environment: S3Environment): URL {
  const endpoint = place.endpoint ?? environment.endpoint ?? `https://s3.${region}.amazonaws.com`
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    const text = `The endpoint ${endpoint} of the model store is no address; give https://HOST or https://HOST:PORT (AWS_ENDPOINT_URL in the environment).`
    throw new PelletlineError('invalid_argument', text)
  }
  return new URL(`${endpoint.replace(/\/+$/, '')}/${place.bucket}`)
}

function createAgent({ tls }: S3Place, { protocol, origin }: URL): Agent | PlainAgent {
  const settings = { keepAlive: true, maxSockets }
  if (protocol === 'https:') {
    return new Agent({ ...settings, ...(tls?.caFile === undefined ? {} : { ca: readAuthorities(tls.caFile) }) })
  }
  if (tls === undefined) return new PlainAgent(settings)
  const text = `tls of the model store says whom to trust, and its endpoint ${origin} has no TLS; give an endpoint of https, or leave tls out.`
  throw new PelletlineError('invalid_argument', text)
}

/**
 * Creates a client of one bucket: every request is signed (AWS Signature Version 4, headers and the empty body), limited in time
 * and bytes, and repeated after a pause where the server is overloaded or the connection is lost. `tls.caFile` is read here and not
 * again. Throws `invalid_argument` for an endpoint that is none, or one of `http` with `tls`, and `failed_precondition` where
 * `tls.caFile` cannot be read; its calls reject as `sendRequest` and `describeRefusal` say.
 */
export function createS3Client(place: S3Place, options: S3ClientOptions): S3Client {
  const { clock, environment = readS3Environment() } = options
  const region = place.region ?? environment.region ?? defaultRegion
  const address = addressOf(place, region, environment)
  const agent = createAgent(place, address)

  async function sign(url: URL): Promise<SignedRequest & { readonly accessKeyId: string }> {
    const { accessKeyId, secretAccessKey, sessionToken } = await readCredentials(place, environment)
    const signed = await new AwsV4Signer({
      method: 'GET',
      url: url.href,
      headers: { 'X-Amz-Content-Sha256': digestOfNothing },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: 's3',
      region,
      // What a server compares with its own; it moves where the machine's time is set right.
      datetime: new Date().toISOString().replace(/[:-]|\.\d{3}/g, ''),
    }).sign()
    return { url: signed.url, headers: Object.fromEntries(signed.headers), accessKeyId }
  }

  /** An answer of status 200; undefined where there is no such object. */
  async function ask(url: URL, source: string, maxBytes: number, signal: AbortSignal | undefined) {
    const backoff = createBackoff({ firstMs: firstPauseMs, maxMs: maxPauseMs })
    const { timeoutMs, attempts, bucket } = place
    for (;;) {
      const last = backoff.failures + 1 >= attempts
      let pauseMs: number
      try {
        // Signed anew each time: a signature holds for some minutes.
        const signed = await sign(url)
        const answer: Answer = await sendRequest(signed, { agent, timeoutMs, maxBytes, source, signal })
        if (answer.status === 200) return answer
        if (isMissing(answer)) return undefined
        if (last || !isPassing(answer)) {
          const { accessKeyId } = signed
          const asked: Asked = { source, bucket, origin: address.origin, region, accessKeyId }
          throw describeRefusal(answer, asked)
        }
        pauseMs = backoff.fail(askedPauseMs(answer))
      } catch (reason) {
        if (last || !PelletlineError.from(reason).retryable) throw reason
        pauseMs = backoff.fail()
      }
      await clock.sleep(pauseMs, signal)
    }
  }

  return {
    origin: address.origin,
    async list(prefix, page, signal) {
      const url = new URL(address)
      url.searchParams.set('list-type', '2')
      url.searchParams.set('delimiter', '/')
      if (prefix !== '') url.searchParams.set('prefix', prefix)
      if (page !== undefined) url.searchParams.set('continuation-token', page)
      const source = `the list of s3://${place.bucket}/${prefix}`
      const answer = await ask(url, source, maxListingBytes, signal)
      const listing = answer === undefined ? undefined : readListingPage(answer.body.toString('utf8'))
      if (listing === undefined) throw notS3({ source, origin: address.origin }, 'no ListBucketResult')
      return listing
    },
    async get(key, maxBytes, signal) {
      const url = new URL(`${address.href}/${key}`)
      const answer = await ask(url, `s3://${place.bucket}/${key}`, maxBytes, signal)
      return answer === undefined ? undefined : { etag: answer.headers.etag ?? '', body: answer.body }
    },
  }
}
