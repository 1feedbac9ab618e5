import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { PelletlineError } from '../errors/pelletline-error.ts'

const firstPort = 10_240
const attempts = 100

/** First port that the system gives to outgoing connections (ip(7)); 32768 where it does not say. */
function firstEphemeralPort(): number {
  try {
    return Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10)
  } catch {
    return 32_768
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer()
  try {
    probe.listen({ host: '127.0.0.1', port, exclusive: true })
    await once(probe, 'listening')
    return true
  } catch {
    return false
  } finally {
    probe.close()
  }
}

/**
 * A free TCP port on 127.0.0.1, none of `taken`, below those of outgoing connections: while a server is down for a restart, no
 * client of any program can be given its port, and none that knocks there meanwhile can connect to itself. Throws
 * `resource_exhausted` where none is found.
 */
export async function chooseFreePort(taken: ReadonlySet<number> = new Set()): Promise<number> {
  const to = Math.max(firstEphemeralPort(), firstPort + 1_000)
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = firstPort + Math.floor(Math.random() * (to - firstPort))
    if (!taken.has(port) && (await isFree(port))) return port
  }
  throw new PelletlineError(
    'resource_exhausted',
    `No free port was found on 127.0.0.1 from ${firstPort} to ${to}; name one.`,
  )
}
