import { Agent, request as openRequest } from 'node:http'
import { stripVTControlCharacters } from 'node:util'
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { PelletlineError } from '../../../services/shared/errors/pelletline-error.ts'
import { channelOptions } from '../../../services/shared/rpc/channel-options.ts'
import type { Protocol } from './peer-systems.ts'

/** One server's client: the same for every system of a protocol, and as light as it can be. */
export interface PeerClient {
  /** Sends an encoded request; resolves with the answer's bytes. Rejects naming the status where it is refused. */
  send(request: Buffer): Promise<Buffer>
  close(): void
}

export interface Endpoint {
  readonly protocol: Protocol
  /** On the loopback address. */
  readonly port: number
}

const maxMessageBytes = 16 * 1024 * 1024
const timeoutMs = 30_000

/** Connects with the first request. */
export function createPeerClient({ protocol, port }: Endpoint): PeerClient {
  return protocol === 'gRPC' ? createGrpcClient(port) : createHttpClient(port)
}

const asIs = (bytes: Buffer) => bytes

function createGrpcClient(port: number): PeerClient {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    ...channelOptions(maxMessageBytes),
    'grpc.enable_retries': 0,
    // A connection of its own for each client, so that none is left over from another round.
    'grpc.use_local_subchannel_pool': 1,
  })
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        const options = { deadline: Date.now() + timeoutMs }
        const done = (error: ServiceError | null, answer?: Buffer) => {
          if (error === null && answer !== undefined) resolve(answer)
          else reject(refusal(status[error?.code ?? status.UNKNOWN] ?? 'UNKNOWN', error?.details ?? 'no answer'))
        }
        client.makeUnaryRequest('/inference.GRPCInferenceService/ModelInfer', asIs, asIs, request, options, done)
      }),
    close: () => client.close(),
  }
}

function createHttpClient(port: number): PeerClient {
  const agent = new Agent({ keepAlive: true })
  return {
    send: (body) =>
      new Promise((resolve, reject) => {
        const headers = { 'content-type': 'application/octet-stream', 'content-length': body.length }
        const options = {
          host: '127.0.0.1',
          port,
          path: '/predict',
          method: 'POST',
          agent,
          headers,
          timeout: timeoutMs,
        }
        const call = openRequest(options, (response) => {
          const parts: Buffer[] = []
          response.on('data', (part: Buffer) => parts.push(part))
          response.on('error', reject)
          response.on('end', () => {
            const answer = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
            if (response.statusCode === 200) resolve(answer)
            else reject(refusal(`${response.statusCode}`, answer.toString('utf8')))
          })
        })
        call.on('timeout', () => call.destroy(new Error(`no answer within ${timeoutMs} ms`)))
        call.on('error', reject)
        call.end(body)
      }),
    close: () => agent.destroy(),
  }
}

/** Status and the beginning of what was said, without colours: a traceback tells more of the machine than of the refusal. */
function refusal(code: string, details: string): PelletlineError {
  const [line = ''] = stripVTControlCharacters(details).trim().split('\n')
  return new PelletlineError('internal', `${code}: ${line.slice(0, 72)}`)
}
