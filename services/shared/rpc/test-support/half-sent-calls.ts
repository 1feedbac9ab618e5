import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import {
  SegmentationService,
  SegmentImageRequestSchema,
  SegmentStripsRequestSchema,
} from '../../../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import { implement } from '../implement.ts'
import { type RpcServerOptions, startRpcServer } from '../start-rpc-server.ts'
import type { ServiceImplementation } from '../types.ts'

export type Handlers = ServiceImplementation<typeof SegmentationService>['handlers']

const path = (method: string) => `/${SegmentationService.typeName}/${method}`
const key = { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: 'run-1', strip: 1n }
const header = { key, rows: 1, width: 32, medianAreaPx: 1, minAreaPx: 1, cropScale: 1, lot: 'lot-1' }

/** A message as gRPC frames it. */
export function framed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}
/** A framed strip of so many bytes of pixels. */
export const strip = (bytes: number) => {
  const request: MessageInitShape<typeof SegmentStripsRequestSchema> = { header, pixels: new Uint8Array(bytes) }
  return framed(toBinary(SegmentStripsRequestSchema, create(SegmentStripsRequestSchema, request)))
}
/** A framed request of so many bytes of image. */
export const image = (bytes: number) => {
  const request = { image: { case: 'encoded' as const, value: new Uint8Array(bytes) } }
  return framed(toBinary(SegmentImageRequestSchema, create(SegmentImageRequestSchema, request)))
}

/** A framed message packed by gzip. */
export const packed = (message: Buffer) => {
  const bytes = framed(gzipSync(message.subarray(5)))
  bytes[0] = 1
  return bytes
}
export const gzip = { 'grpc-encoding': 'gzip' }
export const many = (count: number, message: Buffer) => Buffer.concat(Array.from({ length: count }, () => message))

/** A call by HTTP/2 alone, which may be left half-sent. */
export interface RawCall {
  readonly stream: ClientHttp2Stream
  /** Status and its text, as soon as they are there. */
  readonly status: Promise<{ code: string; message: string; details: Uint8Array | undefined }>
  /** The server has let go of the stream. */
  readonly closed: Promise<unknown>
}

/** Begins a call of a method; nothing of its request is sent. */
export function call(session: ClientHttp2Session, method: string, headers: Record<string, string> = {}): RawCall {
  const stream = session.request({
    ':method': 'POST',
    ':path': path(method),
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  })
  stream.on('error', () => {})
  stream.resume()
  const status = new Promise<Awaited<RawCall['status']>>((resolve) => {
    const read = (fields: Record<string, unknown>) => {
      if (fields['grpc-status'] === undefined) return
      const packed = fields['grpc-status-details-bin']
      resolve({
        code: String(fields['grpc-status']),
        message: decodeURI(String(fields['grpc-message'])),
        details: typeof packed === 'string' ? Buffer.from(packed, 'base64') : undefined,
      })
    }
    stream.on('response', read)
    stream.on('trailers', read)
  })
  return { stream, status, closed: once(stream, 'close') }
}

/** Serves segmentation for one test; `readTimeoutMs` as in `ServiceImplementation`. */
export async function serve(
  t: TestContext,
  options: Partial<RpcServerOptions> = {},
  handlers: Partial<Handlers> = {},
  readTimeoutMs?: number,
) {
  const answered: string[] = []
  const implementation = implement(SegmentationService, {
    async segmentImage() {
      answered.push('image')
      return { threshold: 7 }
    },
    async *segmentStrips(requests) {
      for await (const _ of requests) {
        answered.push('strip')
        yield {}
      }
      answered.push('end')
    },
    ...handlers,
  })
  const implementations = [{ ...implementation, readTimeoutMs }]
  const server = await startRpcServer({ implementations, logger: silentLogger, ...options })
  t.after(() => server.drain(0))
  const open = () => {
    const session = connect(`http://${server.address}`)
    session.on('error', () => {})
    t.after(() => session.destroy())
    return session
  }
  return { server, open, answered }
}

/** Resolves once the condition holds; the time of the test bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(5)
}
