import { CameraGatewayService } from '../gen/pelletline/camera/v1/camera_pb.ts'
import type { Lot } from '../gen/pelletline/mes/v1/mes_pb.ts'
import { nameRun, parseFault } from '../line-simulator/index.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { systemClock } from '../shared/service/clock.ts'
import { type RunningService, runService, thisProcess } from '../shared/service/run-service.ts'
import { closeLots } from './close-lots.ts'
import { composeServices } from './compose-services.ts'
import { feedLine, type LineFeed } from './feed-line.ts'
import { throwFailures } from './join-failures.ts'
import { openLot, readUnassigned } from './line-lots.ts'
import type { LineStatus } from './line-status.ts'
import type { PlantOptions } from './options.ts'
import { isOutOfReach } from './out-of-reach.ts'
import type { PlantHooks, PlantServices } from './plant-services.ts'
import { composeProcesses } from './processes/compose-processes.ts'
import { renderReconciliation } from './render-status.ts'
import { reportLine } from './report-line.ts'
import { createStatusDisplay, type StatusDisplay, type TextStream } from './show-status.ts'
import { createLineWatch } from './watch-lines.ts'

/** Patience with product that is still in the plant when it is told to end, ms. */
const drainTimeoutMs = 60_000

/**
 * Runs a plant with simulated lines in this process until its seconds are over or it is told to end (SIGINT, SIGTERM, SIGHUP);
 * then the lines end their runs, what is in the plant is judged, audited and booked, the lots are closed, and the
 * reconciliation of all lots of the run is printed: JSON objects on standard output with `json`, text otherwise.
 */
export async function runPlant(options: PlantOptions): Promise<void> {
  options.faults.forEach(parseFault)
  const kills: (() => void)[] = []
  const onKill = (kill: () => void) => void kills.push(kill)
  await runService({
    name: 'pelletline',
    drainTimeoutMs,
    start: (signal) => startPlant(options, signal, { ...ownParts, onKill }),
    process: {
      ...thisProcess,
      exit(code) {
        // After a drain nothing is left of what was started; a second Ctrl-C leaves before that.
        for (const kill of kills) kill()
        thisProcess.exit(code)
      },
    },
  })
}

/** What a plant is made of; injected in tests. */
export interface PlantParts {
  readonly compose: typeof composeServices
  readonly feed: typeof feedLine
  readonly onKill: PlantHooks['onKill']
  readonly stdout: TextStream
  readonly stderr: TextStream
}

const ownParts: PlantParts = {
  compose: (options, ...rest) =>
    options.bus === 'memory' ? composeServices(options, ...rest) : composeProcesses(options, ...rest),
  feed: feedLine,
  onKill: () => undefined,
  stdout: process.stdout,
  stderr: process.stderr,
}

/**
 * Starts the services and their lines. It finishes when all lines have ended their runs, and fails where a line cannot be
 * fed or a service cannot be kept running; its drain closes and reports the lots in either case.
 */
export async function startPlant(
  options: PlantOptions,
  signal: AbortSignal,
  parts: PlantParts = ownParts,
): Promise<RunningService> {
  const display = createStatusDisplay(options.json ? parts.stderr : parts.stdout)
  const report = (text: string) => {
    parts.stderr.write(`pelletline: ${text}\n`)
    display.restart()
  }
  const services = await parts.compose(options, signal, { report, onKill: parts.onKill })
  const leaving = new AbortController()
  try {
    return await startLines(options, services, leaving, { display, report }, parts)
  } catch (reason) {
    leaving.abort()
    // Why the start failed says more than what fails after it.
    await services.drain(0).catch(() => undefined)
    throw reason
  }
}

/** Where the state of the lines is shown, and what is said beside it. */
interface Screen {
  readonly display: StatusDisplay
  readonly report: PlantHooks['report']
}

async function startLines(
  options: PlantOptions,
  services: PlantServices,
  leaving: AbortController,
  screen: Screen,
  { feed, stdout }: PlantParts,
): Promise<RunningService> {
  const run = nameRun(new Date())
  const gateway = services.client(CameraGatewayService)
  const feeds: LineFeed[] = []
  const older: Lot[] = []
  for (let number = 1; number <= options.lines; number++) {
    const line = `line-${number}`
    const { name: lot, before } = await openLot(services, line, `${line}-${run}`, screen.report)
    if (before !== undefined) older.push(before)
    older.push(await readUnassigned(services, line))
    feeds.push(
      feed({ gateway, line, lot, run, seed: options.seed + number - 1, plant: options, signal: leaving.signal }),
    )
  }
  const readStatuses = createLineWatch(services, feeds)
  const closing = new AbortController()
  const showing = showUntil(AbortSignal.any([leaving.signal, closing.signal]), screen, readStatuses)
  const ended = Promise.all(feeds.map((line) => line.finished)).then(() => undefined)

  return {
    ready: `${services.address} (gRPC with reflection; try: npx pelletline lots list)`,
    finished: Promise.race([ended, showing, services.failed]),
    async drain(timeoutMs) {
      const failures: unknown[] = []
      try {
        const end = await closeLots({
          services,
          feeds,
          older,
          readStatuses,
          report: screen.report,
          clock: systemClock,
          timeoutMs,
          abandon: (reason) => leaving.abort(reason),
          onClosing: () => closing.abort(),
        })
        leaving.abort()
        // The report is due whatever became of the table.
        await Promise.allSettled([showing])
        printReport(end.statuses, options.json, stdout)
        if (end.failure !== undefined) throw end.failure
        refuseLosses(end.statuses)
        await showing
      } catch (reason) {
        failures.push(reason)
      }
      leaving.abort()
      await services.drain(timeoutMs).catch((reason) => failures.push(reason))
      throwFailures(failures)
    },
  }
}

/** Shows the lines until the signal; while their books cannot be read, which is said once, the table stands still. */
async function showUntil(
  signal: AbortSignal,
  { display, report }: Screen,
  readStatuses: () => Promise<LineStatus[]>,
): Promise<void> {
  let readable = true
  while (!signal.aborted) {
    await systemClock.sleep(display.intervalMs, signal).catch(() => undefined)
    if (signal.aborted) return
    const statuses = await readStatuses().catch((reason) => {
      const error = PelletlineError.from(reason)
      if (!isOutOfReach(error)) throw error
      if (readable && !signal.aborted) report(`the table stands still: ${error.message}`)
      return undefined
    })
    readable = statuses !== undefined
    // A reading that began before the lots were closed may be of after that.
    if (!signal.aborted && statuses !== undefined) display.show(statuses)
  }
}

function printReport(statuses: readonly LineStatus[], json: boolean, stdout: TextStream): void {
  for (const status of statuses) {
    const text = json ? JSON.stringify(reportLine(status)) : `\n${renderReconciliation(status).join('\n')}`
    stdout.write(`${text}\n`)
  }
}

/** Throws `data_loss` where the run has not ended well in a lot: a plant that lost count has not ended well. */
function refuseLosses(statuses: readonly LineStatus[]): void {
  const lots = statuses.filter(({ endedWell }) => !endedWell).map(({ lot }) => lot)
  if (lots.length === 0) return
  const text = `The counts of ${lots.join(', ')} do not balance; the log of each service says what was lost on the way.`
  throw new PelletlineError('data_loss', text)
}
