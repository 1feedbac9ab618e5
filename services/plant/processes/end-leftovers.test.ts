import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { systemClock } from '../../shared/service/clock.ts'
import { endLeftovers } from './end-leftovers.ts'

/** A service that drains for some time when it is told to end, or never does. */
const service = `const drainMs = Number(process.argv[4])
process.on('SIGTERM', () => drainMs >= 0 && setTimeout(() => process.exit(0), drainMs))
setInterval(() => undefined, 1000)
process.stdout.write('up')`

describe('endLeftovers', () => {
  let root: string
  let children: ChildProcess[]
  const start = async (folder: string, name: string, drainMs: number) => {
    const config = join(root, folder, 'config')
    await mkdir(config, { recursive: true })
    const args = [join(root, 'service-process.ts'), name, join(config, `${name}.json`), String(drainMs)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    await once(child.stdout!, 'data')
    return child
  }
  const end = async (folder: string, patienceMs: number) => {
    const reports: string[] = []
    await endLeftovers({
      configFolder: join(root, folder, 'config'),
      patienceMs,
      clock: systemClock,
      report: (text) => void reports.push(text),
      signal: AbortSignal.timeout(10_000),
    })
    return reports
  }
  const isGone = async (child: ChildProcess) => {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return child.signalCode ?? child.exitCode
  }
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'pelletline-leftovers-'))
    children = []
    await writeFile(join(root, 'service-process.ts'), service)
  })
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL')
    await rm(root, { recursive: true, force: true })
  })

  it('waits until the services of the same folder have drained, and touches those of no other', async () => {
    const own = await start('plant', 'analytics', 300)
    const other = await start('other', 'analytics', 0)
    await symlink(join(root, 'plant'), join(root, 'link'))
    const [told, ...more] = await end('link', 5_000)
    assert.equal(await isGone(own), 0)
    assert.equal(other.exitCode, null)
    assert.equal(told, `waiting for what an earlier plant left at work: analytics (${own.pid})`)
    assert.deepEqual(more, [])
  })

  it('kills a service that does not drain in time, and says so', async () => {
    const stuck = await start('plant', 'teacher-audit', -1)
    const reports = await end('plant', 300)
    assert.equal(await isGone(stuck), 'SIGKILL')
    assert.match(reports[1]!, /^killing what did not drain within 0\.3 s: teacher-audit \(\d+\)$/)
  })

  it('does nothing where nothing was left', async () => {
    await mkdir(join(root, 'plant/config'), { recursive: true })
    assert.deepEqual(await end('plant', 300), [])
  })
})
