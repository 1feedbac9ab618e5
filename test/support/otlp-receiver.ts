import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { decodeTraceRequest, type ReceivedSpan } from './decode-otlp.ts'

/** A collector for tests and benchmarks: takes OTLP over HTTP and keeps the spans. */
export interface OtlpReceiver {
  /** Base address, as `telemetry.otlpEndpoint` takes it. */
  readonly endpoint: string
  readonly spans: readonly ReceivedSpan[]
  /** Spans taken so far. */
  readonly count: number
  close(): Promise<void>
}

export interface OtlpReceiverOptions {
  /** Answer of every request; 200 where absent. Any other refuses the spans. */
  readonly status?: () => number
  /** Spans are counted and not kept where false; default true. */
  readonly keep?: boolean
}

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
}

/** Starts a receiver on a free port of the loopback address. */
export async function startOtlpReceiver({
  status = () => 200,
  keep = true,
}: OtlpReceiverOptions = {}): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = []
  let count = 0
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await readBody(request)
    const isTraces = request.method === 'POST' && request.url === '/v1/traces'
    const isProtobuf = request.headers['content-type'] === 'application/x-protobuf'
    const code = isTraces && isProtobuf ? status() : 404
    if (code === 200) {
      const received = decodeTraceRequest(body)
      count += received.length
      if (keep) spans.push(...received)
    }
    response.writeHead(code, { 'content-type': 'application/x-protobuf' }).end()
  }
  const server = createServer((request, response) => {
    answer(request, response).catch((reason) => response.writeHead(400).end(String(reason)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    get count() {
      return count
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
