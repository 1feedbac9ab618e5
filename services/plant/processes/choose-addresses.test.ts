import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, it } from 'node:test'
import { chooseFreePort } from '../../shared/service/choose-free-port.ts'
import { telemetryConfigSchema } from '../../shared/telemetry/telemetry-config.ts'
import { chooseAddresses } from './choose-addresses.ts'

const choose = (listen: string, cameras?: string, prometheusListen?: string) =>
  chooseAddresses({ listen, cameras, telemetry: telemetryConfigSchema.parse({ prometheusListen }) })
const free = '127.0.0.1:0'

describe('the addresses of a plant', () => {
  it('are free ports where 0 is given, and five that follow one another for Prometheus', async () => {
    const first = await chooseFreePort()
    const { listen, cameras, metrics } = await choose(free, free, `:${first}`)
    assert.deepEqual(
      metrics,
      [0, 1, 2, 3, 4].map((index) => `127.0.0.1:${first + index}`),
    )
    assert.equal(new Set([listen, cameras, ...metrics!]).size, 7)
    assert.deepEqual((await choose('unix:/run/a.sock')).listen, 'unix:/run/a.sock')
    assert.equal(new Set((await choose(free, undefined, ':0')).metrics).size, 5)
  })

  it('are refused where two options want the same, on whatever host', async () => {
    const port = await chooseFreePort()
    for (const cameras of [`127.0.0.1:${port}`, `localhost:${port}`, `:${port}`, `0.0.0.0:${port}`]) {
      await assert.rejects(choose(`127.0.0.1:${port}`, cameras), {
        code: 'invalid_argument',
        message: /is wanted twice, by --listen or --port and by --cameras/,
      })
    }
    await assert.rejects(choose(free, `:${port + 3}`, `:${port}`), /wanted twice, by --cameras and by --prometheus/)
    await assert.rejects(choose('unix:/run/a.sock', 'unix:/run/a.sock'), /wanted twice/)
  })

  it('are refused by the name of the option where they are none, or run out', async () => {
    await assert.rejects(choose('foo'), /^PelletlineError: --listen: "foo" is no address/)
    await assert.rejects(choose(free, 'foo'), /--cameras: "foo" is no address/)
    await assert.rejects(choose(free, undefined, 'foo'), /--prometheus: "foo" is no address/)
    await assert.rejects(choose(free, undefined, ':65533'), /--prometheus: .* give one of at most 65531/)
    await assert.rejects(choose(free, undefined, 'unix:/run/m.sock'), /--prometheus: .* give HOST:PORT/)
  })

  it('are refused where one of the five ports for Prometheus is taken', async (t) => {
    const other = createServer().listen(0, '127.0.0.1')
    t.after(() => other.close())
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    await assert.rejects(choose(free, undefined, `127.0.0.1:${port - 2}`), {
      code: 'failed_precondition',
      message: new RegExp(`127.0.0.1:${port} is in use by another process.*--prometheus`),
    })
  })
})
