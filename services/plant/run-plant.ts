import { CameraGatewayService } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { parseFault } from '../line-simulator/index.ts'
import { systemClock } from '../shared/service/clock.ts'
import { type RunningService, runService } from '../shared/service/run-service.ts'
import { composeServices } from './compose-services.ts'
import { feedLine, type LineFeed } from './feed-line.ts'
import { closeLot, describeClosedLot, openLot } from './line-lots.ts'
import type { LineStatus } from './line-status.ts'
import type { PlantOptions } from './options.ts'
import { renderReconciliation } from './render-status.ts'
import { reportLine } from './report-line.ts'
import { createStatusDisplay, type StatusDisplay } from './show-status.ts'
import { createLineWatch } from './watch-lines.ts'

/** Patience with product that is still in the plant when it is told to end, ms. */
const drainTimeoutMs = 60_000

/**
 * Runs a plant with simulated lines in this process until its seconds are over or it is told to end (SIGINT, SIGTERM);
 * then the lines end their runs, what is in the plant is judged, audited and booked, the lots are closed, and their
 * reconciliation is printed: JSON objects on standard output with `json`, text otherwise.
 */
export async function runPlant(options: PlantOptions): Promise<void> {
  options.faults.forEach(parseFault)
  await runService({
    name: 'pelletline',
    drainTimeoutMs,
    start: (signal) => startPlant(options, signal),
  })
}

async function startPlant(options: PlantOptions, signal: AbortSignal): Promise<RunningService> {
  const services = await composeServices(options, signal)
  const run = nameRun(new Date())
  const leaving = new AbortController()
  const gateway = services.client(CameraGatewayService)
  const feeds: LineFeed[] = []
  for (let number = 1; number <= options.lines; number++) {
    const line = `line-${number}`
    const lot = await openLot(services, line, `${line}-${run}`)
    feeds.push(
      feedLine({ gateway, line, lot, run, seed: options.seed + number - 1, plant: options, signal: leaving.signal }),
    )
  }
  const readStatuses = createLineWatch(services, feeds)
  const display = createStatusDisplay(options.json ? process.stderr : process.stdout)
  const showing = showUntil(leaving.signal, display, readStatuses)

  return {
    ready: `${services.address} (gRPC with reflection; try: npx pelletline lots list)`,
    finished: Promise.all(feeds.map((feed) => feed.finished)).then(() => undefined),
    async drain(timeoutMs) {
      for (const feed of feeds) feed.stop()
      await Promise.all(feeds.map((feed) => feed.finished))
      await services.settle(timeoutMs)
      const statuses = await Promise.all(
        (await readStatuses()).map(async (status, i) => {
          const lot = await closeLot(services, feeds[i]!.lot, systemClock, timeoutMs)
          const closed = await describeClosedLot(services, status, lot)
          return { ...closed, pelletsPerSecond: Number(closed.reconciliation.found) / feeds[i]!.elapsedSeconds() }
        }),
      )
      leaving.abort()
      await showing
      printReport(statuses, options.json)
      await services.drain(timeoutMs)
    },
  }
}

/** `20261125-083000`: names runs and lots so that they sort by time. */
function nameRun(time: Date): string {
  return time.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
}

async function showUntil(
  signal: AbortSignal,
  display: StatusDisplay,
  readStatuses: () => Promise<LineStatus[]>,
): Promise<void> {
  while (!signal.aborted) {
    await systemClock.sleep(display.intervalMs, signal).catch(() => undefined)
    if (!signal.aborted) display.show(await readStatuses())
  }
}

function printReport(statuses: readonly LineStatus[], json: boolean): void {
  for (const status of statuses) {
    const text = json ? JSON.stringify(reportLine(status)) : `\n${renderReconciliation(status).join('\n')}`
    process.stdout.write(`${text}\n`)
  }
}
