import { createServer } from 'node:net'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { describeBindFailure, parseListenAddress } from '../../shared/rpc/listen-address.ts'
import { chooseFreePort } from '../../shared/service/choose-free-port.ts'

/** Ports that are tried where 0 is given and the host has others of its own. */
const attempts = 20

/** An address to listen on, as an option gives it; throws `invalid_argument` that names the option. */
export function parseListenOption(listen: string, option: string): string {
  try {
    return parseListenAddress(listen)
  } catch (cause) {
    const { code, message } = PelletlineError.from(cause)
    throw new PelletlineError(code, `${option}: ${message}`, { cause })
  }
}

/**
 * An address on which a service can be started again and again: port 0 becomes one that is free and that no outgoing
 * connection can take while the service is down, and a port that is taken is refused before anything is started. Throws
 * `failed_precondition` that names the address and `option`. A port of `reserved` is never chosen for 0.
 */
export async function chooseListen(
  listen: string,
  option: string,
  reserved: ReadonlySet<number> = new Set(),
): Promise<string> {
  const address = parseListenAddress(listen)
  if (address.startsWith('unix:')) return address
  const at = address.lastIndexOf(':')
  const host = address.slice(0, at)
  const given = Number(address.slice(at + 1))
  const taken = new Set(reserved)
  for (;;) {
    const port = given === 0 ? await chooseFreePort(taken) : given
    const failure = await tryBind(host, port)
    if (failure === undefined) return `${host}:${port}`
    taken.add(port)
    // Free on 127.0.0.1 may be taken on the host's own address.
    const mayTryAnother = given === 0 && failure.code === 'EADDRINUSE' && taken.size < reserved.size + attempts
    if (!mayTryAnother) throw describeBindFailure(listen, failure, option)
  }
}

/** Binds the port and lets go of it; returns why it cannot be bound. */
async function tryBind(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  const server = createServer()
  const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    server.once('error', resolve)
    server.listen(port, host.replace(/^\[|\]$/g, ''), () => resolve(undefined))
  })
  if (failure === undefined) await new Promise((resolve) => server.close(resolve))
  return failure
}
