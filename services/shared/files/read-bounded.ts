import { createReadStream } from 'node:fs'
import { PelletlineError } from '../errors/pelletline-error.ts'

export interface ReadBoundedOptions {
  readonly maxBytes: number
  readonly signal?: AbortSignal | undefined
}

/**
 * The bytes of a file of at most `maxBytes`; nothing beyond is read. Rejects with `failed_precondition` where it has more, and else
 * as Node does (`ENOENT` and so on, `AbortError`).
 */
export async function readBounded(path: string, { maxBytes, signal }: ReadBoundedOptions): Promise<Buffer> {
  const parts: Buffer[] = []
  // `end` is the last byte that is read: one too many, which tells a file that is too large.
  const stream = createReadStream(path, { end: maxBytes, ...(signal === undefined ? {} : { signal }) })
  for await (const part of stream as AsyncIterable<Buffer>) parts.push(part)
  const bytes = Buffer.concat(parts)
  if (bytes.length <= maxBytes) return bytes
  const text = `${path} has more than ${maxBytes} bytes, the most that are read of such a file; give a smaller one.`
  throw new PelletlineError('failed_precondition', text)
}
