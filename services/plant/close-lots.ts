import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createBackoff } from '../shared/service/backoff.ts'
import type { Clock } from '../shared/service/clock.ts'
import { withinTime } from '../shared/service/within-time.ts'
import type { LineFeed } from './feed-line.ts'
import { describeEndedLot, endLot, isOwn, listRunLots } from './line-lots.ts'
import type { LineStatus } from './line-status.ts'
import { isOutOfReach } from './out-of-reach.ts'
import type { PlantServices } from './plant-services.ts'

export interface CloseLotsOptions {
  readonly services: PlantServices
  readonly feeds: readonly LineFeed[]
  readonly readStatuses: () => Promise<LineStatus[]>
  readonly clock: Clock
  /** Patience of each step, ms. */
  readonly timeoutMs: number
  /** Ends the feeds at once; called with the reason where they do not end their runs in time. */
  readonly abandon: (reason: PelletlineError) => void
  /** Called before the lots are closed: from then on the lines stand at their unassigned lots. */
  readonly onClosing: () => void
}

export interface ClosedLots {
  /** The lines with the final figures of their lots, one entry for each lot of the run, those of a line in its order. */
  readonly statuses: readonly LineStatus[]
  /** Why a line did not come to the end of its run; undefined where all did. */
  readonly failure: PelletlineError | undefined
}

/** Patience once a line has failed, ms: what it lost is not going to come. */
const patienceAfterFailureMs = 5_000

/**
 * Lets the lines end their runs, waits until what is in the plant is judged, audited and booked, and closes the lots that
 * the plant opened. A
 * line that fails or does not end in time leaves the lots of the others as they are.
 */
export async function closeLots(options: CloseLotsOptions): Promise<ClosedLots> {
  const { services, feeds, readStatuses, clock, timeoutMs, abandon, onClosing } = options
  for (const feed of feeds) feed.stop()
  const ends = Promise.allSettled(feeds.map((feed) => feed.finished))
  if (!(await withinTime(ends, timeoutMs, clock))) {
    abandon(
      new PelletlineError(
        'deadline_exceeded',
        `The run did not end within ${timeoutMs} ms; what was not taken is lost. See the log for what holds the plant up.`,
      ),
    )
  }
  const broken = (await ends).find((end) => end.status === 'rejected')
  const failure = broken === undefined ? undefined : PelletlineError.from(broken.reason)
  const patienceMs = failure === undefined ? timeoutMs : Math.min(timeoutMs, patienceAfterFailureMs)
  await services.settleVerdicts(patienceMs)
  // A strip is acknowledged once its crops are queued; only a verdict counts as inspected.
  const judgedAtMs = performance.now()
  await services.settle(patienceMs)
  const running = await readPatiently(readStatuses, clock, patienceMs)
  onClosing()
  const statuses = await Promise.all(
    feeds.map(async (feed, i) => {
      const lots = await listRunLots(services, feed.line, feed.lot)
      return Promise.all(
        lots.map(async (listed, at) => {
          const lot = await endLot(services, listed, clock, patienceMs)
          const status = await describeEndedLot(services, running[i]!, lot)
          // What a lot of somebody else had before the run stands in its counts as well.
          const isOlder = at === 0 && !isOwn(lot)
          const begin = at === 0 ? feed.startedAtMs : atMs(lot.openedUnixNs)
          const end = at === lots.length - 1 || lot.closedUnixNs === 0n ? judgedAtMs : atMs(lot.closedUnixNs)
          const perSecond = (Number(status.reconciliation.found) * 1000) / Math.max(1, end - begin)
          return {
            ...status,
            pelletsPerSecond: isOlder ? undefined : perSecond,
            // The simulator counts by run and not by lot.
            truth: isOlder || lots.length > 1 ? undefined : status.truth,
          }
        }),
      )
    }),
  )
  return { statuses: statuses.flat(), failure }
}

/** A moment on the clock of `performance.now()`. */
function atMs(unixNs: bigint): number {
  return Number(unixNs) / 1e6 - performance.timeOrigin
}

/** Reads the lines; while their books cannot be read, asks again for at most `patienceMs`, then throws why. */
async function readPatiently(
  readStatuses: () => Promise<LineStatus[]>,
  clock: Clock,
  patienceMs: number,
): Promise<LineStatus[]> {
  const backoff = createBackoff({ firstMs: 100, maxMs: 1_000 })
  const deadline = clock.now() + patienceMs
  for (;;) {
    try {
      return await readStatuses()
    } catch (reason) {
      const error = PelletlineError.from(reason)
      if (!isOutOfReach(error) || clock.now() >= deadline) throw error
      await clock.sleep(backoff.fail(error.retryAfterMs))
    }
  }
}
