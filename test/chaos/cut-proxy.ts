import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { resetSocket } from './reset-socket.ts'

/** A TCP proxy on loopback that can cut every connection in the middle of what is being sent. */
export interface CutProxy {
  /** `127.0.0.1:PORT`. */
  readonly address: string
  /** Connections that are open now. */
  readonly connections: number
  /**
   * Lets half of the next bytes of every connection through and ends it then: the sender sees a reset, the receiver the end of
   * the stream. One on which nothing is being sent is reset after `patienceMs`. New connections are taken at once.
   */
  cut(patienceMs?: number): void
  close(): Promise<void>
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
  cutting: boolean
}

/** Starts a proxy in front of `target`, `HOST:PORT`. */
export async function startCutProxy(target: string): Promise<CutProxy> {
  const at = target.lastIndexOf(':')
  const host = target.slice(0, at)
  const port = Number(target.slice(at + 1))
  const pairs = new Set<Pair>()

  const reset = (pair: Pair) => {
    pairs.delete(pair)
    resetSocket(pair.near)
    resetSocket(pair.far)
  }
  const join = (pair: Pair, from: Socket, to: Socket) => {
    from.on('data', (bytes) => {
      if (pair.cutting) {
        pairs.delete(pair)
        to.end(bytes.subarray(0, bytes.length >> 1))
        resetSocket(from)
        return
      }
      if (to.write(bytes)) return
      from.pause()
      to.once('drain', () => from.resume())
    })
    from.on('end', () => to.end())
    from.on('error', () => reset(pair))
    from.on('close', () => {
      pairs.delete(pair)
      // What is still to be written goes out first.
      to.destroySoon()
    })
  }
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host, port, allowHalfOpen: true })
    const pair: Pair = { near, far, cutting: false }
    pairs.add(pair)
    join(pair, near, far)
    join(pair, far, near)
  })
  server.listen({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new TypeError('The proxy has no port.')

  return {
    address: `127.0.0.1:${bound.port}`,
    get connections() {
      return pairs.size
    },
    cut(patienceMs = 200) {
      for (const pair of [...pairs]) {
        pair.cutting = true
        setTimeout(() => {
          if (pairs.has(pair)) reset(pair)
        }, patienceMs).unref()
      }
    },
    async close() {
      for (const pair of [...pairs]) reset(pair)
      server.close()
      await once(server, 'close')
    },
  }
}
