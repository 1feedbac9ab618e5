import type { Socket } from 'node:net'

/**
 * Ends a connection by a reset (RST), whatever it is doing.
 *
 * `socket.resetAndDestroy()` in the same turn as `end()` fails with EINVAL on Node 24, as libuv resets nothing whose shutdown is
 * on its way, and the handle is lost then: `close` never comes, and the process spins at its exit in wait for it. So a shutdown
 * that has been asked for is awaited; it is done in the next turn. A connection that is not there yet has nobody to be reset.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return
  if (socket.connecting) socket.destroy()
  // With bytes still to be written the shutdown has not been asked for.
  else if (socket.writableEnded && !socket.writableFinished && socket.writableLength === 0)
    socket.once('finish', () => resetSocket(socket))
  else socket.resetAndDestroy()
}
