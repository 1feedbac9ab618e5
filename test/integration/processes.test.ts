import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { chooseFreePort } from '../../services/shared/service/choose-free-port.ts'
import { type PelletlineRun, runPelletline, startPelletline } from '../support/run-pelletline.ts'

/** What `up --json` prints of a line, as far as the tests look at it. */
interface LineReport {
  readonly line: string
  readonly reconciliation: {
    readonly found: number
    readonly classified: number
    readonly screened: number
    readonly shed: number
    readonly notJudged: number
    readonly audited: number
    readonly balanced: boolean
  }
  readonly truth: { readonly pellets: number }
}

interface PlantState {
  readonly pid: number
  readonly services: Readonly<Record<string, { readonly pid: number | null; readonly starts: number }>>
}

const common = ['--bus', 'kafka', '--database', 'postgres', '--lines', '2', '--json', '--port', '0']

function checkReports(run: PelletlineRun): void {
  assert.equal(run.code, 0, run.stderr)
  const reports = run.json() as LineReport[]
  assert.deepEqual(
    reports.map(({ line }) => line),
    ['line-1', 'line-2'],
  )
  for (const report of reports) {
    const { found, classified, screened, shed, notJudged, audited, balanced } = report.reconciliation
    assert.equal(balanced, true, run.stderr)
    assert.ok(found > 500, `found ${found}`)
    assert.equal(found, classified + screened + shed + notJudged)
    assert.equal(shed, 0)
    assert.ok(audited > 0)
    // As in one process: splitting clusters may miss a few pellets or find a few too many.
    assert.ok(Math.abs(found / report.truth.pellets - 1) < 0.05, JSON.stringify(report))
  }
}

describe('a plant across processes, on a broker and a database of its own', () => {
  let dataDir: string
  const readState = async () => JSON.parse(await readFile(join(dataDir, 'run', 'plant.json'), 'utf8')) as PlantState

  /** Waits until the state of the plant is as wanted, at most a minute. */
  async function untilState(what: string, isSo: (state: PlantState) => boolean): Promise<PlantState> {
    const deadline = Date.now() + 60_000
    for (;;) {
      const state = await readState()
      if (isSo(state)) return state
      assert.ok(Date.now() < deadline, `${what}: ${JSON.stringify(state)}`)
      await sleep(100)
    }
  }

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'pelletline-processes-'))
    // The database's user, where tests run as root, has to pass through.
    const { chmod } = await import('node:fs/promises')
    await chmod(dataDir, 0o711)
  })
  after(() => rm(dataDir, { recursive: true, force: true }))

  it('balances two lines to the end of their run although the student was killed in the middle, and a second plant is refused', async () => {
    const plant = startPelletline('up', ...common, '--seconds', '4', '--data-dir', dataDir)
    await plant.error(/^READY pelletline /)
    const second = await runPelletline('up', ...common, '--seconds', '1', '--data-dir', dataDir)
    assert.equal(second.code, 1)
    assert.match(second.stderr, /is in use by process \d+/)
    const { pid } = (await readState()).services['student-inference']!
    process.kill(pid!, 'SIGKILL')
    await plant.error(/student-inference was killed by SIGKILL; it starts again/)
    await untilState('the student starts again', ({ services }) => services['student-inference']!.starts === 2)
    checkReports(await plant.ended)
    for (const { pid: left } of Object.values((await readState()).services)) assert.equal(left, null)
    assert.ok((await stat(join(dataDir, 'logs', 'student-inference.log'))).size > 0)
  })

  it('drains and balances on SIGTERM in the middle of a run, on the broker and the database of the run before', async () => {
    const plant = startPelletline('up', ...common, '--data-dir', dataDir)
    // Some pellets shall have come all the way: the status lines tell of them.
    await plant.error(/^line-2, .*pellets\/s [1-9]/)
    plant.signal('SIGTERM')
    checkReports(await plant.ended)
  })

  it('takes up at once what a plant that was killed left, on the same port', async () => {
    const listen = ['--listen', `127.0.0.1:${await chooseFreePort()}`]
    const args = ['up', ...common.filter((word) => !['--port', '0'].includes(word)), ...listen, '--data-dir', dataDir]
    const killed = startPelletline(...args)
    await killed.error(/^line-2, .*pellets\/s [1-9]/)
    process.kill((await readState()).pid, 'SIGKILL')
    await killed.ended
    checkReports(await runPelletline(...args, '--seconds', '4'))
  })

  it('balances with gateway and segmentation in one process, although that was killed in the middle', async () => {
    const plant = startPelletline('up', ...common, '--intake', 'together', '--data-dir', dataDir)
    await plant.error(/^READY pelletline /)
    const { services } = await readState()
    assert.equal(services['camera-gateway']!.pid, services['roi-segmentation']!.pid)
    await plant.error(/^line-2, .*pellets\/s [1-9]/)
    process.kill(services['camera-gateway']!.pid!, 'SIGKILL')
    await plant.error(/camera-intake was killed by SIGKILL; it starts again/)
    await untilState(
      'gateway and segmentation start again',
      (state) => state.services['roi-segmentation']!.starts === 2,
    )
    plant.signal('SIGTERM')
    checkReports(await plant.ended)
  })
})
