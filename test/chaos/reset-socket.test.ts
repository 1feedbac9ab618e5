import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { resetSocket } from './reset-socket.ts'

describe('the reset of a connection', () => {
  const server = createServer({ allowHalfOpen: true })
  const errors: string[] = []
  let port = 0

  before(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    port = (server.address() as { port: number }).port
  })
  after(() => server.close())

  const dial = async (): Promise<{ near: Socket; far: Socket }> => {
    const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    near.on('error', (error: NodeJS.ErrnoException) => errors.push(`${error.code} ${error.syscall}`))
    const [[far]] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, once(near, 'connect')])
    return { near, far }
  }
  const failureOf = async (socket: Socket): Promise<string> => {
    socket.resume()
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
    return `${error.code} ${error.syscall}`
  }

  for (const [when, prepare] of [
    ['open', () => undefined],
    ['being ended in the same turn', (near: Socket) => near.end()],
    ['being ended with bytes that nobody reads', (near: Socket) => near.end(Buffer.alloc(32 << 20))],
  ] as const) {
    it(`closes a connection that is ${when}`, { timeout: 10_000 }, async () => {
      const { near, far } = await dial()
      far.on('error', () => undefined)
      const closed = once(near, 'close')
      prepare(near)
      resetSocket(near)
      await closed
      assert.deepEqual(errors, [])
      far.destroy()
    })
  }

  it('is seen as a reset by the other side', { timeout: 10_000 }, async () => {
    const { near, far } = await dial()
    const failed = failureOf(far)
    resetSocket(near)
    assert.equal(await failed, 'ECONNRESET read')
  })

  it('closes a connection that is not there yet', { timeout: 10_000 }, async () => {
    const near = connect({ port, host: '127.0.0.1' })
    const closed = once(near, 'close')
    near.end()
    resetSocket(near)
    await closed
  })
})
