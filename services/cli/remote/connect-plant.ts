import type { DescService } from '@bufbuild/protobuf'
import type { Command } from 'commander'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { isConnectionFailure } from '../../shared/rpc/connection-failure.ts'
import type { ServiceClient } from '../../shared/rpc/types.ts'

/** Where a plant listens unless told otherwise. */
const defaultAddress = '127.0.0.1:7443'

/** Adds `--address` to a command that talks to a plant. */
export function withAddress(command: Command): Command {
  return command.option('--address <host:port>', 'gRPC endpoint of the plant', defaultAddress)
}

/**
 * Calls a plant at `address` and closes the connection afterwards. Throws `unavailable`, saying how a plant is started,
 * where none answers there; what a plant that answers says for itself passes unchanged.
 */
export async function callPlant<S extends DescService, T>(
  service: S,
  address: string,
  call: (client: ServiceClient<S>) => Promise<T>,
  options: { readonly maxMessageBytes?: number } = {},
): Promise<T> {
  const { createRpcClient } = await import('../../shared/rpc/create-rpc-client.ts')
  const client = createRpcClient(service, { ...options, address })
  try {
    return await call(client)
  } catch (reason) {
    const error = PelletlineError.from(reason)
    if (!isConnectionFailure(error)) throw error
    throw new PelletlineError(
      'unavailable',
      `No plant answers at ${address}. Start one with \`npm start\`, or name another with --address HOST:PORT.`,
      { cause: error },
    )
  } finally {
    client.close()
  }
}
