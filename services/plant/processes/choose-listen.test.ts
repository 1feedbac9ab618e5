import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { describe, it } from 'node:test'
import { chooseListen } from './choose-listen.ts'

/** First port that the system may give to an outgoing connection; 32768 where it does not say. */
function firstOutgoingPort(): number {
  try {
    return Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10)
  } catch {
    return 32_768
  }
}

describe('the address of a service that may be started again', () => {
  it('has, for port 0, a port that no outgoing connection can be given meanwhile', {
    skip: firstOutgoingPort() < 12_000,
  }, async () => {
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      const chosen = await chooseListen(`${host}:0`, '--port')
      assert.ok(chosen.startsWith(`${host}:`), chosen)
      const port = Number(chosen.slice(host.length + 1))
      assert.ok(port > 1_023 && port < firstOutgoingPort(), `${port} is one of outgoing connections`)
    }
  })

  it('is refused by name and option where its port is taken', async (t) => {
    const other = createServer().listen(0, '127.0.0.1')
    t.after(() => other.close())
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    await assert.rejects(chooseListen(`127.0.0.1:${port}`, '--port'), {
      code: 'failed_precondition',
      message: new RegExp(`127.0.0.1:${port} is in use by another process.*--port`),
    })
  })

  it('is refused where the host is none of this machine, and stays as it is where it is a socket', async () => {
    await assert.rejects(chooseListen('192.0.2.1:0', '--listen'), { message: /Cannot listen on 192\.0\.2\.1:0/ })
    assert.equal(await chooseListen('unix:/run/a.sock', '--listen'), 'unix:/run/a.sock')
  })
})
