import { PelletlineError } from '../../../errors/pelletline-error.ts'
import { readRefusal } from './read-answers.ts'
import type { Answer } from './send-request.ts'

/** Where and as whom it was asked. */
export interface Asked {
  /** What was to be read. */
  readonly source: string
  readonly bucket: string
  readonly origin: string
  readonly region: string
  readonly accessKeyId: string
}

const unknownKey = new Set(['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'InvalidSecurity', 'NotSignedUp'])
const oldToken = new Set(['ExpiredToken', 'InvalidToken', 'TokenRefreshRequired'])
/** What a server under load, or one that has just been started, says; the same request may succeed a moment later. */
const passing = new Set([429, 500, 502, 503, 504])

/** Whether the same request may succeed a moment later. */
export function isPassing({ status }: Pick<Answer, 'status'>): boolean {
  return passing.has(status)
}

/** How long the server asks to be left alone, ms; 0 where it does not say. */
export function askedPauseMs({ headers }: Pick<Answer, 'headers'>): number {
  const seconds = Number(headers['retry-after'] ?? 0)
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : 0
}

/** Whether a server says that there is no such object, in a bucket that exists. */
export function isMissing({ status, body }: Pick<Answer, 'status' | 'body'>): boolean {
  return status === 404 && readRefusal(body.toString('utf8'))?.code === 'NoSuchKey'
}

/** What an answer of another status than 200 means: what was refused, of which bucket, and what to check. */
export function describeRefusal(answer: Pick<Answer, 'status' | 'headers' | 'body'>, asked: Asked): PelletlineError {
  const { source, bucket, origin, region, accessKeyId } = asked
  const said = readRefusal(answer.body.toString('utf8'))
  const code = said?.code ?? ''
  const why = said === undefined ? `status ${answer.status}` : `${code}: ${said.message}`.replace(/[: .]+$/, '')
  const refuse = (text: string) => new PelletlineError('failed_precondition', text)
  if (code === 'NoSuchBucket') {
    const text = `There is no bucket ${bucket} at ${origin}; correct the bucket of the model store, or create it.`
    return new PelletlineError('not_found', text)
  }
  const header = answer.headers['x-amz-bucket-region']
  const right = typeof header === 'string' ? header : (said?.region ?? '')
  if (right !== '' && right !== region) {
    return refuse(
      `${source} lies in region ${right}, and ${region} was asked; set region: ${right} of the model store.`,
    )
  }
  if (code === 'AuthorizationHeaderMalformed' || (answer.status >= 300 && answer.status < 400)) {
    return refuse(
      `${source} cannot be read in region ${region} at ${origin} (${why}); set region and endpoint of the bucket.`,
    )
  }
  if (code === 'RequestTimeTooSkewed') {
    return refuse(`${source} cannot be read: the clock of this machine differs from that of ${origin}; set it right.`)
  }
  if (oldToken.has(code)) return refuse(`${source} cannot be read: the session token is over (${why}); get a new one.`)
  if (unknownKey.has(code)) {
    return refuse(
      `${origin} does not accept the credentials of access key ${accessKeyId} (${why}); check accessKeyId and secretAccessKeyFile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`,
    )
  }
  if (answer.status === 401 || answer.status === 403) {
    return refuse(
      `Access key ${accessKeyId} may not read ${source} (${why}); give it s3:ListBucket on ${bucket} and s3:GetObject on its objects.`,
    )
  }
  if (isPassing(answer)) {
    const text = `${origin} does not give ${source} (${why}); look at the store, or try again later.`
    return new PelletlineError('unavailable', text, { retryAfterMs: askedPauseMs(answer) })
  }
  if (said === undefined) return notS3(asked, `status ${answer.status}`)
  return refuse(`${origin} does not give ${source} (${why}); check endpoint, bucket and prefix of the model store.`)
}

/** What answers is no S3 store. */
export function notS3({ source, origin }: Pick<Asked, 'source' | 'origin'>, what: string): PelletlineError {
  const text = `${origin} does not answer as S3 does for ${source} (${what}); check endpoint of the model store.`
  return new PelletlineError('failed_precondition', text)
}
