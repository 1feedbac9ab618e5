import { type Lot, LotState } from '../gen/pelletline/mes/v1/mes_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createBackoff } from '../shared/service/backoff.ts'
import type { Clock } from '../shared/service/clock.ts'
import { withinTime } from '../shared/service/within-time.ts'
import type { LineFeed } from './feed-line.ts'
import { describeEndedLot, endLot, listRunLots, readUnassigned } from './line-lots.ts'
import type { LineStatus } from './line-status.ts'
import { isOutOfReach } from './out-of-reach.ts'
import type { PlantServices } from './plant-services.ts'

export interface CloseLotsOptions {
  readonly services: PlantServices
  readonly feeds: readonly LineFeed[]
  /** Lots of the lines that were there before the run, as they were when it began: what is in force, and what counts unassigned product. */
  readonly older: readonly Lot[]
  readonly readStatuses: () => Promise<LineStatus[]>
  /** A sentence for the person who watches. */
  readonly report: (text: string) => void
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
 * the plant opened. A line that fails or does not end in time leaves the lots of the others as they are.
 */
export async function closeLots(options: CloseLotsOptions): Promise<ClosedLots> {
  const { services, feeds, older, readStatuses, report, clock, timeoutMs, abandon, onClosing } = options
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
  const olderOf = ({ id }: Lot) => older.find((before) => before.id === id)
  const statuses = await Promise.all(
    feeds.map(async (feed, i) => {
      const lots = await listRunLots(services, feed.line, feed.lot)
      const unassigned = await readUnassigned(services, feed.line)
      const stray = countFound(unassigned) - countFound(olderOf(unassigned))
      if (stray > 0n) {
        lots.push(unassigned)
        report(`${stray} pellets of ${feed.line} were counted in ${unassigned.id}: no lot was open while they passed`)
      }
      return Promise.all(
        lots.map(async (listed) => {
          const before = olderOf(listed)
          const lot = await endLot(services, { lot: listed, before }, clock, patienceMs)
          const status = await describeEndedLot(services, running[i]!, { lot, before })
          if (status.endedWell && !lot.balanced) {
            report(`${lot.id} does not balance for what was in it before; what this run added to it does`)
          }
          // What a lot of before the run had then stands in its counts as well.
          if (before !== undefined) return { ...status, pelletsPerSecond: undefined, truth: undefined }
          const begin = lot.id === feed.lot ? feed.startedAtMs : atMs(lot.openedUnixNs)
          const tookAll = listed.state === LotState.OPEN
          const end = tookAll
            ? judgedAtMs
            : lot.closedUnixNs === 0n
              ? undefined
              : Math.min(judgedAtMs, atMs(lot.closedUnixNs))
          return {
            ...status,
            pelletsPerSecond:
              end === undefined ? undefined : (Number(countFound(lot)) * 1000) / Math.max(1, end - begin),
            // The simulator counts by run and not by lot.
            truth: lots.length === 1 && tookAll ? status.truth : undefined,
          }
        }),
      )
    }),
  )
  return { statuses: statuses.flat(), failure }
}

function countFound(lot: Lot | undefined): bigint {
  return lot?.reconciliation?.found ?? 0n
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
