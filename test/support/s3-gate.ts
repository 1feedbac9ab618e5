import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { readAuthorization, signatureOf } from './check-signature.ts'

/** What happens to the next request, once it has passed. */
export type GateFault =
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Half of the body, then the end of the connection. */
  | { readonly kind: 'cut' }
  /** No answer at all. */
  | { readonly kind: 'silent' }

export interface GateOptions {
  readonly accessKeyId: string
  readonly secret: string
  readonly region: string
  /** Key and certificate; plain HTTP where absent. */
  readonly tls?: ServerOptions
}

/** The checks of S3 before a server that has none: who asks, by signature, in which region; it also makes faults. */
export interface S3Gate {
  readonly endpoint: string
  /** Path and query of every request that passed. */
  readonly passed: string[]
  /** Faults of the next requests, the first first. */
  readonly faults: GateFault[]
  /** Prefixes of paths that nobody may read. */
  readonly denied: string[]
  close(): Promise<void>
}

function refuse(answer: ServerResponse, status: number, code: string, more = ''): void {
  answer.writeHead(status, { 'content-type': 'application/xml' })
  answer.end(
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>Refused.</Message>${more}</Error>`,
  )
}

/** Starts the gate in front of a server, `http://HOST:PORT`. */
export async function startS3Gate(target: string, options: GateOptions): Promise<S3Gate> {
  const gate = { passed: [] as string[], faults: [] as GateFault[], denied: [] as string[] }

  function forward(incoming: IncomingMessage, answer: ServerResponse, cut: boolean): void {
    const onward = request(new URL(incoming.url ?? '/', target), { method: incoming.method, headers: incoming.headers })
    onward.on('response', async (response) => {
      const body = Buffer.concat((await response.toArray()) as Buffer[])
      const { 'transfer-encoding': _, ...headers } = response.headers
      answer.writeHead(response.statusCode ?? 500, { ...headers, 'content-length': body.length })
      if (!cut) answer.end(body)
      else answer.write(body.subarray(0, body.length >> 1), () => answer.destroy())
    })
    onward.on('error', () => answer.destroy())
    onward.end()
  }

  function handle(incoming: IncomingMessage, answer: ServerResponse): void {
    const { method = '', url: path = '', headers } = incoming
    const given = readAuthorization(incoming)
    if (given === undefined) return void refuse(answer, 403, 'AccessDenied')
    if (given.accessKeyId !== options.accessKeyId) return void refuse(answer, 403, 'InvalidAccessKeyId')
    if (given.region !== options.region) {
      return void refuse(answer, 400, 'AuthorizationHeaderMalformed', `<Region>${options.region}</Region>`)
    }
    const right = signatureOf({ method, target: path, headers }, { ...given, secret: options.secret })
    if (given.signature !== right) return void refuse(answer, 403, 'SignatureDoesNotMatch')
    if (gate.denied.some((prefix) => path.startsWith(prefix))) return void refuse(answer, 403, 'AccessDenied')
    gate.passed.push(path)
    const fault = gate.faults.shift()
    if (fault?.kind === 'silent') return
    if (fault?.kind === 'status') {
      answer.writeHead(fault.status, fault.headers ?? {})
      answer.end()
    } else forward(incoming, answer, fault?.kind === 'cut')
  }

  const server = options.tls === undefined ? createServer(handle) : createTlsServer(options.tls, handle)
  server.listen({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  return {
    ...gate,
    endpoint: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
