import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { systemClock } from '../../shared/service/clock.ts'
import { givesNamespaces } from '../../shared/service/test-support/first-process.ts'
import { endLeftovers } from './end-leftovers.ts'

/** A service that drains for some time when it is told to end, or never does. */
const service = `const drainMs = Number(process.argv[4])
process.on('SIGTERM', () => drainMs >= 0 && setTimeout(() => process.exit(0), drainMs))
setInterval(() => undefined, 1000)
process.stdout.write('up')`

describe('endLeftovers', () => {
  let root: string
  let children: ChildProcess[]
  /** Starts a service; `by` begins the command line of what starts it and becomes it. */
  const start = async (folder: string, name: string, drainMs: number, by: readonly string[] = []) => {
    const config = join(root, folder, 'config')
    await mkdir(config, { recursive: true })
    const args = [join(root, 'service-process.ts'), name, join(config, `${name}.json`), String(drainMs)]
    const [command, ...rest] = [...by, process.execPath, ...args]
    const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    await once(child.stdout!, 'data')
    return child
  }
  const end = async (folder: string, patienceMs: number, kill: typeof process.kill = process.kill) => {
    const reports: string[] = []
    await endLeftovers({
      configFolder: join(root, folder, 'config'),
      patienceMs,
      clock: systemClock,
      report: (text) => void reports.push(text),
      signal: AbortSignal.timeout(10_000),
      kill,
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

  it('leaves the services of a container alone, whose folder of the same path may be another one', async () => {
    if (!givesNamespaces()) return
    const inside = await start('plant', 'analytics', 0, ['unshare', '--user', '--map-root-user', '--mount'])
    assert.deepEqual(await end('plant', 300), [])
    assert.deepEqual([inside.exitCode, inside.signalCode], [null, null])
  })

  it('refuses a folder whose plant lives, and touches none of its services', async () => {
    const config = join(root, 'plant/config')
    await mkdir(config, { recursive: true })
    const args = JSON.stringify([join(root, 'service-process.ts'), 'analytics', join(config, 'analytics.json'), '0'])
    const plant = spawn(
      process.execPath,
      [
        '--eval',
        `const child = require('node:child_process').spawn(process.execPath, ${args}, { stdio: 'inherit' })
        process.on('SIGTERM', () => child.kill('SIGKILL'))
        child.on('exit', (code, signal) => process.exit(signal === 'SIGKILL' ? 3 : 4))`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    children.push(plant)
    await once(plant.stdout, 'data')
    await assert.rejects(end('plant', 300), (thrown: PelletlineError) => {
      assert.equal(thrown.code, 'failed_precondition')
      assert.match(thrown.message, new RegExp(`in use by process ${plant.pid}, whose analytics .* is at work`))
      return true
    })
    plant.kill()
    assert.equal(await isGone(plant), 3, 'the service was still at work')
  })

  it('names a service of another user, and leaves it alone', async () => {
    const own = await start('plant', 'analytics', 0)
    const reports = await end('plant', 300, () => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' })
    })
    const told = `analytics (${own.pid}), at work in the same folder, belongs to another user, who alone can end it: it is left alone`
    assert.equal(reports.at(-1), told)
    assert.equal(reports.length, 2)
  })

  it('gives up where what it has killed does not go', async () => {
    await start('plant', 'analytics', -1)
    await assert.rejects(
      end('plant', 300, () => true),
      {
        code: 'deadline_exceeded',
        message: /analytics \(\d+\) of an earlier plant did not end within 0\.3 s although killed/,
      },
    )
  })
})
