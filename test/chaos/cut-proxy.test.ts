import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { it } from 'node:test'
import { startCutProxy } from './cut-proxy.ts'

it('a cut lets half of a message through, ends its connection and takes the next one', {
  timeout: 30_000,
}, async () => {
  const received: string[] = []
  const server = createServer((socket) => {
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes
      socket.write('!')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => received.push(text))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const proxy = await startCutProxy(`127.0.0.1:${port}`)
  const dial = async () => {
    const socket = connect(Number(proxy.address.split(':')[1]), '127.0.0.1')
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    return socket
  }
  const first = await dial()
  first.write('whole')
  await once(first, 'data')
  proxy.cut(60_000)
  const closed = new Promise((resolve) => first.once('close', resolve))
  first.write('12345678')
  await closed
  const second = await dial()
  second.write('again')
  await once(second, 'data')
  second.end()
  while (received.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.deepEqual(received, ['whole1234', 'again'])
  await proxy.close()
  server.close()
})
