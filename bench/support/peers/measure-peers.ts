import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { PelletlineError } from '../../../services/shared/errors/pelletline-error.ts'
import { type HelperProcess, openHelper } from '../helper-process.ts'
import { readOpenListeners } from '../open-listeners.ts'
import { readProcessTree } from '../process-cpu.ts'
import type { BareFigures, BareTask } from './bare-process.ts'
import { type HarmFigures, isSame, measureHarm } from './harm-by-bad.ts'
import type { LoadTask } from './load-process.ts'
import { type LoadFigures, type LoadName, loadNames, loads } from './loads.ts'
import { createPeerClient, type Endpoint } from './peer-client.ts'
import type { PeerContestant } from './peer-contestants.ts'
import type { RoundFigures, SystemRun } from './peers-report.ts'
import { decodeAnswer, drawCrops, encodeRequest } from './requests.ts'
import { type ServerProcess, startServer } from './server-process.ts'

export interface MeasureOptions {
  readonly contestants: readonly PeerContestant[]
  /** The fp32 file. */
  readonly modelPath: string
  readonly threads: number
  readonly rounds: number
  readonly seconds: number
  readonly startLimitSeconds: number
  /** Logits of the crops that `checkAnswers` asks, by the bare runtime. */
  readonly expected: Float32Array
  readonly say: (what: string) => void
  /** Is told of every server that runs, so that it can be ended whatever happens. */
  readonly onStart: (server: ServerProcess) => void
}

interface Entry {
  readonly contestant: PeerContestant
  readonly rounds: RoundFigures[]
  server?: ServerProcess
  idleCores?: number
  harm?: readonly HarmFigures[]
  missing?: string
}

/** Crops whose logits every system on the fp32 file must give as the bare runtime does. */
export const checkedCrops = drawCrops(8, 3)
const root = join(import.meta.dirname, '../../..')
const idleMs = 3000
const bareBatch = 32

/**
 * Starts every system, measures them in turn round by round, every other round in reverse order, then counts what bad requests
 * do. A system that cannot be started, answers wrongly or ends is left out from then on, and says why.
 */
export async function measurePeers(options: MeasureOptions): Promise<SystemRun[]> {
  const { contestants, rounds, say } = options
  const entries = contestants.map((contestant): Entry => ({ contestant, rounds: [] }))
  const running = () => entries.filter(({ missing }) => missing === undefined)
  const attempt = async (entry: Entry, what: string, action: () => Promise<void>) => {
    try {
      say(`${entry.contestant.description.name}: ${what}`)
      await action()
    } catch (reason) {
      const message = PelletlineError.from(reason).message
      const said = entry.server?.ended() ?? (what === 'start' ? message : `${what}: ${message}`)
      // Reports are published: they name no folder of this machine.
      entry.missing = said.replaceAll(root, '.')
      say(`${entry.contestant.description.name} is left out: ${entry.missing}`)
      await entry.server?.stop()
    }
  }
  for (const entry of entries) await attempt(entry, 'start', () => start(entry, options))
  await watchIdle(running())
  const bare = openHelper<BareTask, BareFigures>('peers/bare-process.ts', [options.modelPath, `${options.threads}`])
  const client = openHelper<LoadTask, LoadFigures>('peers/load-process.ts')
  try {
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? running() : running().toReversed()
      for (const entry of order) {
        await attempt(entry, `round ${round + 1} of ${rounds}`, async () => {
          entry.rounds.push(await measureRound(entry.server!, bare, client, options.seconds))
        })
      }
    }
  } finally {
    bare.close()
    client.close()
  }
  for (const entry of running()) {
    await attempt(entry, 'bad requests', async () => {
      entry.harm = await measureHarm(entry.server!.endpoint)
    })
    await entry.server?.stop()
  }
  return entries.map(({ contestant, rounds: measured, harm, idleCores, missing }) => ({
    description: contestant.description,
    rounds: measured,
    harm: harm ?? [],
    idleCores,
    missing,
  }))
}

async function start(entry: Entry, options: MeasureOptions): Promise<void> {
  const server = await startServer(await entry.contestant.prepare(), options)
  entry.server = server
  // Some have no setting for it; what our programs do about that can fail with their next version.
  const open = readOpenListeners(readProcessTree(server.pid).pids)
  if (open.length > 0) {
    options.say(
      `${entry.contestant.description.name} listens on ${open.join(', ')}: other machines reach it while it is measured`,
    )
  }
  if (entry.contestant.description.precision === 'fp32') await checkAnswers(server.endpoint, options.expected)
}

/** Throws `internal` where logits differ from those of the bare runtime: then it serves something else. */
async function checkAnswers(endpoint: Endpoint, expected: Float32Array): Promise<void> {
  const client = createPeerClient(endpoint)
  try {
    const answer = await client.send(encodeRequest(endpoint.protocol, checkedCrops))
    if (isSame(decodeAnswer(endpoint.protocol, answer, expected.length / 2), expected)) return
    throw new PelletlineError('internal', 'its logits are not those of the bare runtime on the same file and crops')
  } finally {
    client.close()
  }
}

/** What each uses of a core while nobody asks. */
async function watchIdle(entries: readonly Entry[]): Promise<void> {
  const used = () => entries.map(({ server }) => readProcessTree(server!.pid).cpuSeconds)
  const before = used()
  await delay(idleMs)
  for (const [i, seconds] of used().entries()) entries[i]!.idleCores = ((seconds - before[i]!) * 1000) / idleMs
}

async function measureRound(
  server: ServerProcess,
  bare: HelperProcess<BareTask, BareFigures>,
  client: HelperProcess<LoadTask, LoadFigures>,
  seconds: number,
): Promise<RoundFigures> {
  const many = await bare.ask({ batch: bareBatch, seconds: seconds / 2 })
  const one = await bare.ask({ batch: 1, seconds: seconds / 2 })
  const measured: Partial<Record<LoadName, LoadFigures>> = {}
  for (const name of loadNames) {
    const { callers, crops } = loads[name]
    const { endpoint, pid: serverPid } = server
    measured[name] = await client.ask({ endpoint, callers, crops, seconds, serverPid })
  }
  return {
    loads: measured as Record<LoadName, LoadFigures>,
    bare: { cropsPerSecond: many.cropsPerSecond, loneP50Ms: one.p50Ms },
    residentBytes: readProcessTree(server.pid).residentBytes,
  }
}
