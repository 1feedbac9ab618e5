import { PelletlineError } from '../shared/errors/pelletline-error.ts'

/** Page size of a list call: 50 where the request leaves it open. */
export function pageSizeOf(requested: number): number {
  return requested === 0 ? 50 : requested
}

/** Token that a list call continues from: the id of the last row sent. Opaque to clients. */
export function writePageToken(lastId: bigint): string {
  return Buffer.from(`v1:${lastId}`).toString('base64url')
}

/** Reads a token; undefined for the first page. Throws `invalid_argument` for what no answer has given. */
export function readPageToken(token: string): bigint | undefined {
  if (token === '') return undefined
  const text = Buffer.from(token, 'base64url').toString('latin1')
  const match = /^v1:(\d{1,18})$/.exec(text)
  if (match === null || writePageToken(BigInt(match[1] ?? '')) !== token) {
    const description = 'is not a token of an earlier answer; leave it empty for the first page'
    throw new PelletlineError('invalid_argument', `page_token "${token}" ${description}.`, {
      violations: [{ field: 'page_token', description }],
    })
  }
  return BigInt(match[1] ?? '')
}
