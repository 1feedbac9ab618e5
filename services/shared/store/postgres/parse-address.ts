import { PelletlineError } from '../../errors/pelletline-error.ts'

/** Where a server listens: a host, or the directory of a unix socket, and the port. */
export interface ServerAddress {
  readonly host: string
  readonly port: number
}

const defaultPort = 5432

/**
 * Reads `HOST:PORT`, `[IPV6]:PORT`, `HOST`, or the absolute directory of a unix socket, with `:PORT` where the socket's
 * number is not 5432. Throws `invalid_argument`.
 */
export function parseAddress(address: string): ServerAddress {
  const match = /^(\[[0-9a-fA-F:.]+\]|\/[^\0]*?|[^\s:/[\]]+)(?::(\d{1,5}))?$/.exec(address)
  const port = match?.[2] === undefined ? defaultPort : Number(match[2])
  if (match?.[1] === undefined || port < 1 || port > 65_535) {
    throw new PelletlineError(
      'invalid_argument',
      `database.address is ${JSON.stringify(address)}; valid is: HOST:PORT, or the absolute directory of the server's unix socket.`,
    )
  }
  return { host: match[1].replace(/^\[|\]$/g, ''), port }
}
