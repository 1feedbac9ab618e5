import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { stripMaxMessageBytes } from '../../services/shared/rpc/channel-options.ts'
import { startGateway, stopGateways } from '../support/camera-stream.ts'
import { runPelletline, startPelletline } from '../support/run-pelletline.ts'
import { withServer } from '../support/with-server.ts'

const folder = await mkdtemp(join(tmpdir(), 'pelletline-line-'))
after(async () => {
  await stopGateways()
  await rm(folder, { recursive: true, force: true })
})

/** Writes a configuration of the simulator; returns its path. */
async function writeConfig(name: string, config: object): Promise<string> {
  const path = join(folder, `${name}.json`)
  await writeFile(path, JSON.stringify({ run: name, logLevel: 'warn', ...config }))
  return path
}

const serve = (config: string) => ['serve', 'line-simulator', '--config', config] as const
const small = { width: 256, rowsPerSecond: 2000, stripRows: 128 }

describe('line-simulator alone', () => {
  it('streams its seconds to a gateway, strips of 8 MiB too, and leaves with 0 once the run has ended', async () => {
    const { gateway, segmentation } = startGateway()
    const use = async ({ server }: { server: { address: string } }) => {
      const settings = { ...small, width: 8192, stripRows: 1024, pelletsPerMpx: 1 }
      const config = { gatewayAddress: server.address, seconds: 1, speed: 0, settings }
      return runPelletline(...serve(await writeConfig('whole', config)))
    }
    const { code, stderr } = await withServer(gateway.implementations, use, { maxMessageBytes: stripMaxMessageBytes })
    assert.equal(code, 0, stderr)
    assert.match(stderr, /^READY line-simulator line-1 to 127\.0\.0\.1:\d+, run whole$/m)
    const headers = segmentation.seen.map(({ request }) => request.header!)
    assert.deepEqual(
      headers.map(({ rows, runEnds, simulated }) => ({ rows, runEnds, simulated })),
      [
        { rows: 1024, runEnds: false, simulated: true },
        { rows: 976, runEnds: true, simulated: true },
      ],
    )
  })

  it('ends its run on SIGTERM and leaves with 0', async () => {
    const { gateway, segmentation } = startGateway()
    await withServer(gateway.implementations, async ({ server }) => {
      const config = { gatewayAddress: server.address, line: 'line-9', settings: small }
      const run = startPelletline(...serve(await writeConfig('endless', config)))
      const failed = run.ended.then(({ stderr }) => assert.fail(stderr))
      await Promise.race([segmentation.until((seen) => seen.length > 2), failed])
      failed.catch(() => {})
      run.signal('SIGTERM')
      const { code, stderr } = await run.ended
      assert.equal(code, 0, stderr)
      const { key, runEnds } = segmentation.seen.at(-1)!.request.header!
      assert.deepEqual({ line: key!.line, run: key!.run, runEnds }, { line: 'line-9', run: 'endless', runEnds: true })
    })
  })

  it('told to end while no gateway answers, names the gateway and says that nothing was acknowledged', async () => {
    const gatewayAddress = `unix:${join(folder, 'nobody.sock')}`
    const run = startPelletline(
      ...serve(await writeConfig('alone', { gatewayAddress, settings: small, drainTimeoutMs: 100 })),
    )
    await run.error(/^READY line-simulator/m)
    run.signal('SIGTERM')
    const { code, stderr } = await run.ended
    assert.equal(code, 1, stderr)
    assert.match(
      stderr,
      /The gateway unix:\S+nobody\.sock did not take the end of the run within 100 ms\. .*nothing was acknowledged/,
    )
  })

  it('refuses wrong settings and faults by name, and leaves with 2', async () => {
    const settings = await writeConfig('settings', { settings: { specks: { prevalense: 0.1 } } })
    const fault = await writeConfig('fault', { faults: ['lamp-explodes@5s'] })
    const runs = await Promise.all([settings, fault].map((path) => runPelletline(...serve(path))))
    assert.deepEqual(
      runs.map(({ code }) => code),
      [2, 2],
    )
    assert.match(runs[0]!.stderr, /specks\.prevalense is not a setting; valid: prevalence/)
    assert.match(runs[1]!.stderr, /lamp-explodes.*product-darkens/)
  })
})
