import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import process from 'node:process'
import test from 'node:test'
import { parseOpenListeners, readOpenListeners } from './open-listeners.ts'

const header = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
const line = (local: string, state: string, inode: number) =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0`

test('open listeners are those that other machines reach, whichever way their address is written', () => {
  const table = [
    header,
    line('0100007F:1F90', '0A', 1),
    line('00000000:1F91', '0A', 2),
    line('0A00000A:1F92', '0A', 3),
    // A connection, not a listener.
    line('0A00000A:1F93', '01', 4),
    line('00000000000000000000000001000000:1F94', '0A', 5),
    line('0000000000000000FFFF00000100007F:1F95', '0A', 6),
    line('00000000000000000000000000000000:1F96', '0A', 7),
  ].join('\n')
  assert.deepEqual(
    parseOpenListeners(table).map(({ address, inode }) => [address, inode]),
    [
      ['*:8081', '2'],
      ['0A00000A:8082', '3'],
      ['*:8086', '7'],
    ],
  )
})

test('a process that listens on the loopback address has no open listener', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as { port: number }
    const hex = port.toString(16).toUpperCase().padStart(4, '0')
    assert.match(readFileSync('/proc/net/tcp', 'utf8'), new RegExp(`0100007F:${hex} `))
    assert.deepEqual(readOpenListeners([process.pid]), [])
  } finally {
    server.close()
  }
})
