import type { DescService } from '@bufbuild/protobuf'
import { defaultMaxMessageBytes } from '../../services/shared/rpc/channel-options.ts'
import { createRpcClient } from '../../services/shared/rpc/create-rpc-client.ts'
import { type RpcServer, type RpcServerOptions, startRpcServer } from '../../services/shared/rpc/start-rpc-server.ts'
import type { ServiceClient, ServiceImplementation } from '../../services/shared/rpc/types.ts'
import { silentLogger } from '../../services/shared/telemetry/logger.ts'

/** A server for the time of one test. */
export interface TestServer {
  readonly server: RpcServer
  /** A client of one of its services, closed with the server; message limit as the server's unless given. */
  client<S extends DescService>(service: S, maxMessageBytes?: number): ServiceClient<S>
}

/** Serves the implementations over gRPC on a free loopback port while `use` runs, then closes clients and server. */
export async function withServer<T>(
  implementations: readonly ServiceImplementation[],
  use: (test: TestServer) => Promise<T>,
  options: Partial<Omit<RpcServerOptions, 'implementations'>> = {},
): Promise<T> {
  const server = await startRpcServer({ logger: silentLogger, ...options, implementations })
  const clients: { close(): void }[] = []
  try {
    return await use({
      server,
      client(service, maxMessageBytes = options.maxMessageBytes ?? defaultMaxMessageBytes) {
        const client = createRpcClient(service, { address: server.address, maxMessageBytes })
        clients.push(client)
        return client
      },
    })
  } finally {
    for (const client of clients) client.close()
    await server.drain(0)
  }
}
