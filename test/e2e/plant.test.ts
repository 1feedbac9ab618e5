import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Run {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `pelletline up` as a person would; `act` gets the process once it is ready. */
async function runUp(args: readonly string[], act: (child: ReturnType<typeof spawn>) => void = () => {}): Promise<Run> {
  const child = spawn(process.execPath, [join(root, 'bin/pelletline.mjs'), 'up', '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  let acted = false
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
    if (!acted && stderr.includes('READY')) {
      acted = true
      act(child)
    }
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { code, signal, stdout, stderr }
}

function parseLines(text: string) {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

describe('a plant in one process', () => {
  let dataDir: string
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'pelletline-e2e-'))
  })
  after(() => rm(dataDir, { recursive: true, force: true }))

  it('inspects two lines, ends by itself and reports lots whose counts balance', async () => {
    const { code, stdout, stderr } = await runUp(['--seconds', '6', '--lines', '2', '--ephemeral', '--json'])
    assert.equal(code, 0, stderr)
    const reports = parseLines(stdout)
    assert.deepEqual(
      reports.map((report) => report.line),
      ['line-1', 'line-2'],
    )
    for (const report of reports) {
      const counts = report.reconciliation
      assert.equal(counts.balanced, true)
      assert.ok(counts.found > 1000, `found ${counts.found}`)
      assert.equal(counts.found, counts.classified + counts.screened + counts.shed + counts.notJudged)
      assert.equal(counts.shed, 0)
      assert.ok(counts.audited > 0)
      assert.equal(report.audited, counts.audited)
      assert.deepEqual(report.alerts, [])
      // Splitting clusters may miss a few pellets or find a few too many, never more than a few percent.
      assert.ok(Math.abs(counts.found / report.truth.pellets - 1) < 0.05, JSON.stringify(report))
    }
  })

  it('drains on an interrupt and keeps its lots over a restart', async () => {
    const interrupted = await runUp(['--data-dir', dataDir], (child) => setTimeout(() => child.kill('SIGINT'), 3000))
    assert.equal(interrupted.code, 0, interrupted.stderr)
    assert.match(interrupted.stdout, /Lot (line-1-\S+) on line-1: the counts balance/)
    assert.ok(!interrupted.stdout.includes(String.fromCharCode(27)), 'no escape codes in a pipe')
    const again = await runUp(['--data-dir', dataDir, '--seconds', '2', '--json'])
    assert.equal(again.code, 0, again.stderr)
  })

  it('leaves at once on a second interrupt, while its networks are at work', async () => {
    const { signal, stderr } = await runUp(['--ephemeral'], (child) => {
      setTimeout(() => child.kill('SIGINT'), 3000)
      setTimeout(() => child.kill('SIGINT'), 3700)
    })
    assert.equal(signal, 'SIGINT', stderr)
    assert.match(stderr, /left at once/)
    assert.doesNotMatch(stderr, /Napi|terminate called/)
  })

  it('refuses an unknown fault with the names that are valid', async () => {
    const { code, stderr } = await runUp(['--fault', 'lamp-explodes@5s', '--seconds', '1'])
    assert.equal(code, 2)
    assert.match(stderr, /lamp-explodes.*product-darkens/s)
  })
})
