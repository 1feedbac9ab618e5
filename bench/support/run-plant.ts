import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'
import { createCpuWatch } from './process-cpu.ts'

/** Of the JSON object that `up --json` prints per line. */
export interface LineReport {
  readonly pelletsPerSecond: number
  readonly reconciliation: {
    readonly found: number
    readonly classified: number
    readonly shed: number
    readonly rowsLost: number
    readonly balanced: boolean
  }
}

/** What a plant did. */
export interface PlantRun {
  readonly reports: readonly LineReport[]
  /** Processor time of each of its processes from its start to its end, s; `plant` is the one that feeds the lines. */
  readonly cpuSeconds: Readonly<Record<string, number>>
  /** The same of all together from the moment on at which the plant was ready: what loading takes is not what a pellet costs. */
  readonly cpuSecondsFromReady: number
  /** The same as it grew: looks, four a second, with the time since the plant was ready, s. */
  readonly looksFromReady: readonly { readonly atSeconds: number; readonly cpuSeconds: number }[]
}

export interface RunPlantOptions {
  /** Where it keeps its data; nowhere where absent. */
  readonly dataDir?: string | undefined
  /** Told about once a second while it runs what it has written to standard error so far. */
  readonly onRunning?: (stderr: string) => void
  /** Tells it to end (SIGINT) so long after its start, ms. */
  readonly endAfterMs?: number
  /** Told four times a second which of its named processes run; `plant` is the one that feeds the lines. */
  readonly onProcesses?: (roots: Readonly<Record<string, number | null>>) => void
}

interface PlantState {
  readonly broker: { readonly pid: number | null }
  readonly database: { readonly pid: number | null }
  readonly services: Readonly<Record<string, { readonly pid: number | null }>>
}

const looksPerSecond = 4

/** Runs `pelletline up ARGS --json` to its end. Throws `internal` where it fails. */
export async function runPlant(args: readonly string[], options: RunPlantOptions = {}): Promise<PlantRun> {
  const { dataDir, onRunning, endAfterMs, onProcesses } = options
  const main = join(import.meta.dirname, '../../services/cli/main.ts')
  const place = dataDir === undefined ? ['--ephemeral'] : ['--data-dir', dataDir]
  const child = spawn(process.execPath, [main, 'up', '--json', '--port', '0', ...place, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const watch = createCpuWatch()
  const total = () => Object.values(watch.seconds()).reduce((sum, seconds) => sum + seconds, 0)
  let ready: { readonly atMs: number; readonly cpuSeconds: number } | undefined
  const looksFromReady: { readonly atSeconds: number; readonly cpuSeconds: number }[] = []
  let looks = 0
  const timer = setInterval(() => {
    const roots = { plant: child.pid ?? null, ...readProcesses(dataDir) }
    watch.look(roots)
    onProcesses?.(roots)
    if (stderr.includes('READY')) {
      const [atMs, cpuSeconds] = [performance.now(), total()]
      ready ??= { atMs, cpuSeconds }
      looksFromReady.push({ atSeconds: (atMs - ready.atMs) / 1000, cpuSeconds: cpuSeconds - ready.cpuSeconds })
    }
    if (++looks % looksPerSecond === 0) onRunning?.(stderr)
  }, 1000 / looksPerSecond)
  const ending = endAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGINT'), endAfterMs)
  const [code] = (await once(child, 'close')) as [number | null]
  clearInterval(timer)
  clearTimeout(ending)
  if (code !== 0) {
    throw new PelletlineError('internal', `up ${args.join(' ')} failed: ${stderr.trim().slice(-500)}`)
  }
  const reports = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as LineReport)
  const cpuSecondsFromReady = total() - (ready?.cpuSeconds ?? 0)
  return { reports, cpuSeconds: watch.seconds(), cpuSecondsFromReady, looksFromReady }
}

/** Processes of a plant that runs across several; none where it does not, or has not said so yet. */
function readProcesses(dataDir: string | undefined): Record<string, number | null> {
  if (dataDir === undefined) return {}
  try {
    const state = JSON.parse(readFileSync(join(dataDir, 'run', 'plant.json'), 'utf8')) as PlantState
    const services = Object.entries(state.services).map(([name, { pid }]) => [name, pid] as const)
    return { broker: state.broker.pid, database: state.database.pid, ...Object.fromEntries(services) }
  } catch {
    return {}
  }
}
