import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Starts a bucket whose server takes connections and never answers, as one does whose packets are dropped. */
export async function startSilentBucket() {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}))
  })
  server.listen({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-silent-'))
  const secretAccessKeyFile = join(folder, 'secret')
  await writeFile(secretAccessKeyFile, 'secret')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let over: Promise<unknown> | undefined
  /** Ends all connections; nobody listens any longer. */
  const hangUp = () => {
    over ??= once(server.close(), 'close')
    for (const socket of sockets) socket.destroy()
    return over
  }
  return {
    /** As a configuration has it, all defaults said. */
    place: {
      ...{ bucket: 'models', prefix: '', endpoint, region: 'eu-central-1', accessKeyId: 'reader', secretAccessKeyFile },
      ...{ timeoutMs: 60_000, attempts: 4, maxModelBytes: 1_000_000 },
    },
    /** Connections so far. */
    asked: () => sockets.length,
    /** Resolves once it is asked. */
    async untilAsked(): Promise<void> {
      if (sockets.length === 0) await once(server, 'connection')
    },
    hangUp,
    async close(): Promise<void> {
      await hangUp()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
