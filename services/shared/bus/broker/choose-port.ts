import { createServer } from 'node:net'
import { PelletlineError } from '../../errors/pelletline-error.ts'

/**
 * Below the range from which systems take the ports of outgoing connections, so that none of those takes the port of a
 * broker that is down for a moment.
 */
const firstPort = 20_000
const lastPort = 31_999
const attempts = 50

/** A port of the loopback address that nobody listens on at the moment, from 20000 to 31999; never one of `taken`. */
export async function chooseFreePort(taken: ReadonlySet<number>, random: () => number = Math.random): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = firstPort + Math.floor(random() * (lastPort - firstPort + 1))
    if (!taken.has(port) && (await isFree(port))) return port
  }
  throw new PelletlineError(
    'resource_exhausted',
    `None of ${attempts} ports tried between ${firstPort} and ${lastPort} is free on 127.0.0.1; give a port.`,
  )
}

/** Whether a server could listen on this port of the loopback address. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
