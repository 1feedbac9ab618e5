import type { IncomingMessage } from 'node:http'
import { createGunzip, createInflate } from 'node:zlib'
import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'

/** A body as a whole, or the status and the message by which it is refused. */
export type ReadBody =
  | { readonly kind: 'body'; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }

/** Reads bodies within two bounds: that of one body and that of all that are in hand at once. */
export interface BodyReader {
  /**
   * Reads a body to its end and hands it to `use`; its bytes count as held until `use` has ended. Refuses a body that is
   * too large (413), in an encoding other than gzip and deflate (415), or not in the encoding that it claims (400). Rejects
   * with `resource_exhausted` where all bodies together are too large and with `cancelled` where the caller breaks off.
   */
  withBody<T>(request: IncomingMessage, use: (body: ReadBody) => Promise<T>): Promise<T>
}

export interface BodyReaderOptions {
  /** Largest body, bytes, as sent and after decompression. */
  readonly maxBytes: number
  /** Bytes of all bodies that are in hand at once. */
  readonly maxBytesInHand: number
}

/** What is said of a body beyond the bound. */
export function tooLargeMessage(maxBytes: number): string {
  return `At most ${maxBytes} bytes are taken in a body; send fewer crops at once, or raise maxMessageBytes.`
}

const decompressors = { gzip: createGunzip, deflate: createInflate } as const
const chunkSize = 64 * 1024

/** Creates a reader that holds nothing yet. */
export function createBodyReader({ maxBytes, maxBytesInHand }: BodyReaderOptions): BodyReader {
  let inHand = 0

  const tooLarge: ReadBody = { kind: 'refused', status: 413, message: tooLargeMessage(maxBytes) }

  /** Counts further bytes of a request as held; refuses them where all together would be too many. */
  function hold(bytes: number): void {
    if (inHand + bytes > maxBytesInHand) {
      const text = `Requests of ${maxBytesInHand} bytes are in hand; send this one again in a second.`
      throw new PelletlineError('resource_exhausted', text, { retryAfterMs: 1000 })
    }
    inHand += bytes
  }

  async function decompress(bytes: Uint8Array, encoding: string, note: (bytes: number) => void): Promise<ReadBody> {
    if (!Object.hasOwn(decompressors, encoding)) {
      const message = `Content-Encoding ${encoding.slice(0, 64)} is not known; send the body as it is, in gzip or in deflate.`
      return { kind: 'refused', status: 415, message }
    }
    const unpacker = decompressors[encoding as keyof typeof decompressors]({ chunkSize })
    const chunks: Buffer[] = []
    let size = 0
    unpacker.end(bytes)
    try {
      // Counted as it grows: a few kB of many callers at once can claim the bound of one body each.
      for await (const chunk of unpacker as AsyncIterable<Buffer>) {
        size += chunk.length
        if (size > maxBytes) return tooLarge
        note(chunk.length)
        chunks.push(chunk)
      }
      return { kind: 'body', bytes: Buffer.concat(chunks) }
    } catch (cause) {
      if (cause instanceof PelletlineError) throw cause
      const message = `The body is not ${encoding} as its Content-Encoding says (${(cause as Error).message}); send it again.`
      return { kind: 'refused', status: 400, message }
    }
  }

  async function read(request: IncomingMessage, note: (bytes: number) => void): Promise<ReadBody> {
    const announced = Number(request.headers['content-length'] ?? 0)
    if (announced > maxBytes) return tooLarge
    const chunks: Buffer[] = []
    let size = 0
    try {
      // A request that is refused must still be answered, so leaving the loop may not destroy its connection.
      for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        size += chunk.length
        if (size > maxBytes) return tooLarge
        note(chunk.length)
        chunks.push(chunk)
      }
    } catch (cause) {
      if (cause instanceof PelletlineError) throw cause
      throw new PelletlineError('cancelled', 'The request broke off before its end; send it again.', { cause })
    }
    const [only] = chunks
    const bytes = chunks.length === 1 ? only! : Buffer.concat(chunks)
    const encoding = request.headers['content-encoding'] ?? 'identity'
    return encoding === 'identity' ? { kind: 'body', bytes } : decompress(bytes, encoding, note)
  }

  return {
    async withBody(request, use) {
      let held = 0
      try {
        const body = await read(request, (bytes) => {
          hold(bytes)
          held += bytes
        })
        return await use(body)
      } finally {
        inHand -= held
      }
    },
  }
}
