import { createHash, createHmac } from 'node:crypto'

/** What of a request is signed; as it came over the wire. */
export interface SignedCall {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)

/** Access key, region and signature of a request's Authorization header; undefined where it has none of version 4. */
export function readAuthorization({ headers }: Pick<SignedCall, 'headers'>) {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)$/
  const [, accessKeyId, day, region, signedHeaders, signature] = pattern.exec(String(headers['authorization'])) ?? []
  if (accessKeyId === undefined || day === undefined || region === undefined || signedHeaders === undefined)
    return undefined
  return { accessKeyId, day, region, signedHeaders, signature }
}

/** Signature Version 4 of a request as a server computes it from what came, after "Signature calculations" in the manual of S3. */
export function signatureOf(
  { method, target, headers }: SignedCall,
  { day, region, signedHeaders, secret }: { day: string; region: string; signedHeaders: string; secret: string },
): string {
  const [path = '', query = ''] = target.split('?')
  const pairs =
    query === ''
      ? []
      : query
          .split('&')
          .map((pair) => pair.split('=').map((part) => encode(decodeURIComponent(part.replaceAll('+', ' ')))))
  const canonicalQuery = pairs
    .map(([name, value = '']) => `${name}=${value}`)
    .sort()
    .join('&')
  const lines = signedHeaders.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`)
  const payload = String(headers['x-amz-content-sha256'])
  const canonical = [method, path, canonicalQuery, lines.join(''), signedHeaders, payload].join('\n')
  const scope = `${day}/${region}/s3/aws4_request`
  const text = ['AWS4-HMAC-SHA256', String(headers['x-amz-date']), scope, sha256(canonical)].join('\n')
  const key = [region, 's3', 'aws4_request'].reduce((last, part) => hmac(last, part), hmac(`AWS4${secret}`, day))
  return hmac(key, text).toString('hex')
}
