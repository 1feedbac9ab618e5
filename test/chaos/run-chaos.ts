import process from 'node:process'
import type { Lot } from '../../services/gen/pelletline/mes/v1/mes_pb.ts'
import { nameRun } from '../../services/line-simulator/index.ts'
import { closeLot, openLot } from '../../services/plant/line-lots.ts'
import { serviceNames } from '../../services/plant/processes/service-starts.ts'
import { systemClock } from '../../services/shared/service/clock.ts'
import { type ChaosPlant, startChaosPlant, until } from './chaos-plant.ts'
import { type BooksOfRun, compareBooks } from './compare-books.ts'
import { feedWithTruth, type TruthFeed } from './feed-with-truth.ts'
import { type FaultKind, type PlannedFault, planFaults } from './plan-faults.ts'

export interface ChaosOptions {
  readonly random: () => number
  readonly seed: number
  readonly faults: number
  readonly meanPauseMs: number
  /** Most faults that the plant has not recovered from; the next one waits. 1: one fault at a time. */
  readonly maxOpen: number
  readonly weights: Readonly<Partial<Record<FaultKind, number>>>
  readonly lines: number
  /** Times real time, of 600 pellets a second and line. */
  readonly speed: number
  readonly brokers: 1 | 3
  readonly say: (text: string) => void
}

/** A fault and what came of it. */
export interface FaultOutcome {
  readonly fault: PlannedFault
  /** From the beginning of the fault until every line's strips of after it were booked, ms. */
  readonly recoveredAfterMs: number
}

export interface ChaosReport {
  readonly outcomes: readonly FaultOutcome[]
  readonly books: readonly BooksOfRun[]
  readonly lots: readonly Lot[]
  /** Breaks of camera streams that were resumed. */
  readonly resumed: number
  readonly seconds: number
}

/** Patience with one recovery, and with the end, ms. */
const recoveryPatienceMs = 180_000

/**
 * Scene in which segmentation is exact, so that every deviation of the books is the transport's: pellets apart from each other,
 * none of odd shape, none that a large speck cuts in two, no dust.
 */
const plainScene = {
  width: 1024,
  pelletsPerMpx: 60,
  clusterShare: 0,
  spritePool: 256,
  specks: { prevalence: 0.02, maxSpeckPx: 6, rimShare: 0 },
  product: { tailShare: 0, twinShare: 0, finesShare: 0, dustPerMpx: 0 },
} as const

/** Runs lines on a plant of processes, hurts it by a plan, and compares the books with the truth, pellet by pellet. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { random, seed, faults, meanPauseMs, maxOpen, weights, lines, speed, brokers, say } = options
  const aborting = new AbortController()
  const plant = await startChaosPlant({ brokers, say, signal: aborting.signal })
  const begun = performance.now()
  const feeds: TruthFeed[] = []
  try {
    const run = nameRun(new Date())
    const lots: string[] = []
    for (let number = 1; number <= lines; number++) {
      const line = `line-${number}`
      lots.push((await openLot(plant.services, line, `${line}-${run}`, say)).name)
      // Every other camera goes on while the plant is down, and loses what it cannot hold.
      const overrun = number % 2 === 0 ? 'lose' : 'slow'
      const camera = { gatewayAddress: plant.cameraAddress, line, run, seed: seed + number, speed, overrun } as const
      feeds.push(feedWithTruth({ ...camera, settings: plainScene, signal: aborting.signal }))
    }
    const plan = planFaults({ random, count: faults, services: serviceNames, meanPauseMs, weights })
    const watch = createRecoveryWatch(plant, feeds)
    await watch('the first strips')
    const recoveries: Promise<FaultOutcome>[] = []
    const open = new Set<Promise<FaultOutcome>>()
    const takeTurn = createTurns()
    const failed = Promise.race([plant.services.failed, ...feeds.map((feed) => feed.finished)]).then(() => {
      throw new Error('A camera ended its run before it was told to.')
    })
    failed.catch(() => undefined)
    for (const [number, fault] of plan.entries()) {
      await Promise.race([systemClock.sleep(fault.afterMs), failed])
      say(`fault ${number + 1} of ${plan.length}: ${fault.kind} ${fault.target}`)
      const inflicted = takeTurn(fault.kind, () => inflict(plant, fault, number))
      const recovered = inflicted.then((atMs) => watch(`recovery from ${fault.kind}`, atMs))
      const outcome = recovered.then((recoveredAfterMs) => {
        say(
          `recovered from fault ${number + 1}, ${fault.kind} ${fault.target}, after ${(recoveredAfterMs / 1000).toFixed(1)} s`,
        )
        return { fault, recoveredAfterMs }
      })
      outcome.catch(() => undefined)
      recoveries.push(outcome)
      open.add(outcome)
      const close = () => open.delete(outcome)
      outcome.then(close, close)
      // Faults that come faster than broker and database can be started would show nothing but a plant that is down.
      while (open.size >= maxOpen) await Promise.race([...open, failed])
    }
    const outcomes = await Promise.race([Promise.all(recoveries), failed])
    for (const feed of feeds) feed.stop()
    await Promise.all(feeds.map((feed) => feed.finished))
    say('the cameras have ended their runs')
    await plant.services.settle(recoveryPatienceMs)
    say('everything is judged, audited and booked')
    const closed: Lot[] = []
    for (const lot of lots) closed.push(await closeLot(plant.services, lot, systemClock, recoveryPatienceMs))
    const books: BooksOfRun[] = []
    for (const feed of feeds) books.push(await compareBooks(plant.store.db, feed.truth))
    const resumed = feeds.reduce((sum, feed) => sum + feed.resumed, 0)
    return { outcomes, books, lots: closed, resumed, seconds: (performance.now() - begun) / 1000 }
  } finally {
    aborting.abort()
    await Promise.allSettled(feeds.map((feed) => feed.finished))
    await plant.end()
  }
}

/**
 * Watches the books: the returned function resolves with the time from `sinceMs` until, on every line, a strip that was sent
 * after the call is booked.
 */
function createRecoveryWatch(plant: ChaosPlant, feeds: readonly TruthFeed[]) {
  const bookedStrips = async (): Promise<ReadonlyMap<string, number> | undefined> => {
    try {
      const rows = await plant.store.db
        .selectFrom('strip_parts')
        .innerJoin('runs', 'runs.run_id', 'strip_parts.run_id')
        .select((eb) => ['runs.line as line', eb.fn.max('strip').as('newest')])
        .groupBy('runs.line')
        .execute()
      return new Map(rows.map(({ line, newest }) => [line, Number(newest)]))
    } catch {
      // The database is down; it is one of the faults.
      return undefined
    }
  }
  return async (what: string, sinceMs = performance.now()): Promise<number> => {
    const wanted = feeds.map(({ truth }) => ({ line: truth.line, strip: truth.strips + 1 }))
    const isThere = async () => {
      const booked = await bookedStrips()
      return booked !== undefined && wanted.every(({ line, strip }) => (booked.get(line) ?? -1) >= strip)
    }
    await until(what, isThere, recoveryPatienceMs)
    return performance.now() - sinceMs
  }
}

/** A broker or database that is being started again is not killed meanwhile: each such fault waits for the one before. */
function createTurns() {
  const last = new Map<FaultKind, Promise<unknown>>()
  return <T>(kind: FaultKind, act: () => Promise<T>): Promise<T> => {
    if (kind !== 'broker-restart' && kind !== 'database-restart') return act()
    const acting = (last.get(kind) ?? Promise.resolve()).then(act)
    last.set(
      kind,
      acting.catch(() => undefined),
    )
    return acting
  }
}

/** Does to the plant what the fault says and undoes it; resolves with the time at which the fault began. */
async function inflict(plant: ChaosPlant, fault: PlannedFault, number: number): Promise<number> {
  const { kind, target, lastsMs, jumpMs } = fault
  const begun = performance.now()
  switch (kind) {
    case 'kill':
      await signalService(plant, target, 'SIGKILL')
      break
    case 'freeze': {
      const pid = await signalService(plant, target, 'SIGSTOP')
      await systemClock.sleep(lastsMs)
      signalProcess(pid, 'SIGCONT')
      break
    }
    case 'broker-restart': {
      const index = number % plant.brokerCount
      await plant.killBroker(index)
      await systemClock.sleep(lastsMs)
      await plant.startBroker(index)
      break
    }
    case 'database-restart':
      await plant.killDatabase()
      await systemClock.sleep(lastsMs)
      await plant.startDatabase()
      break
    case 'cut-camera':
      plant.cutCameras()
      break
    case 'cut-database':
      plant.cutDatabase()
      break
    case 'clock-jump':
      plant.jumpClock(jumpMs)
      break
    default:
      kind satisfies never
  }
  return begun
}

/** Signals a service as soon as it has a process. */
async function signalService(plant: ChaosPlant, service: string, signal: NodeJS.Signals): Promise<number> {
  let sent: number | undefined
  const send = () => {
    const pid = plant.pidOf(service)
    if (pid !== undefined && signalProcess(pid, signal)) sent = pid
    return sent !== undefined
  }
  await until(`A process of ${service}`, send, recoveryPatienceMs)
  return sent as number
}

function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw reason
  }
}
