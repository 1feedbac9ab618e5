import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { checkHealth } from '../../shared/rpc/check-health.ts'
import { systemClock } from '../../shared/service/clock.ts'
import { startServiceProcess } from './start-process.ts'

describe('a service as a child of the plant', () => {
  let directory: string
  const start = async (config: object) => {
    const [configFile, logFile] = [join(directory, 'config.json'), join(directory, 'service.log')]
    await writeFile(configFile, JSON.stringify(config))
    return { logFile, child: startServiceProcess({ name: 'roi-segmentation', configFile, logFile }) }
  }
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pelletline-service-'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  it('takes no notice of Ctrl-C and of a terminal that is closed, drains on SIGTERM, and keeps a log', async () => {
    const address = `unix:${join(directory, 'service.sock')}`
    const { child, logFile } = await start({ listen: address })
    let ended = false
    void child.ended.then(() => {
      ended = true
    })
    const untilServing = async () => {
      while (!ended) {
        const serves = await checkHealth(address).then(
          () => true,
          () => false,
        )
        if (serves) return
        await systemClock.sleep(50)
      }
      assert.fail(await readFile(logFile, 'utf8'))
    }
    await untilServing()
    child.signal('SIGINT')
    child.signal('SIGHUP')
    // A signal is heeded before the next request is read.
    await untilServing()
    child.signal('SIGTERM')
    const { code, signal } = await child.ended
    assert.deepEqual([code, signal], [0, null])
    assert.match(await readFile(logFile, 'utf8'), /READY roi-segmentation unix:/)
  })

  it('ends with 2 and its own words where its configuration is wrong', async () => {
    const { child } = await start({ listen: 'nowhere' })
    const { code, lastWords } = await child.ended
    assert.equal(code, 2)
    assert.match(lastWords, /^roi-segmentation: "nowhere" is no address to listen on/)
  })
})
