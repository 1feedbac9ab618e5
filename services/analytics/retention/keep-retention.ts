import type { Clock } from '../../shared/service/clock.ts'
import type { Store } from '../../shared/store/index.ts'
import type { Logger } from '../../shared/telemetry/logger.ts'
import { forgetSecondAudits } from '../booking/second-audits.ts'
import type { RetirementTimes } from './old-may-follow.ts'
import { retireAudits } from './retire-audits.ts'
import { retireStrips } from './retire-strips.ts'

export interface RetentionOptions {
  readonly database: Pick<Store, 'db' | 'reclaim' | 'freeze'>
  readonly clock: Clock
  readonly logger: Logger
  /** How long parts stay once they are booked and their lot is closed, days. */
  readonly stripDays: number
  /** How long audited pellets stay once they are booked, days. */
  readonly auditDays: number
  /** Whether this process is the one that deletes. */
  readonly isLeading: () => Promise<boolean>
}

/** Rows of one transaction, during which nothing is booked. */
const pageRows = 1_000
/** Pause after each, so that bookings and answers have their turns, ms. */
const pageMs = 100
/** Between two passes, ms. */
const passMs = 3_600_000

const dayNs = 86_400_000_000_000n

/**
 * Deletes parts and audited pellets that are old enough, and looks after the database, pass by pass, until the signal aborts; what
 * fails is tried again in the next pass.
 */
export async function keepRetention(options: RetentionOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger, isLeading } = options
  while (!signal.aborted) {
    try {
      if (await isLeading()) await passOnce(options, signal)
    } catch (reason) {
      if (!signal.aborted)
        logger.error({ err: reason }, 'the retention of strip parts and audits failed; it is tried again')
    }
    await clock.sleep(passMs, signal).catch(() => undefined)
  }
}

async function passOnce(options: RetentionOptions, signal: AbortSignal) {
  const { database, logger, stripDays, auditDays } = options
  const { db } = database
  // First, so that nothing that fails in the others keeps it from being done.
  await database.freeze()
  const strips = await deletePages(options, stripDays, signal, async (after, times) => {
    const page = await retireStrips(db, { after, parts: pageRows, ...times })
    return { last: page.last, deleted: page.strips }
  })
  if (strips > 0) {
    await database.reclaim('strip_parts')
    logger.info({ strips, stripDays }, 'parts of old strips were deleted; the figures of their lots stay')
  }
  await forgetSecondAudits(db, timeBefore(options, auditDays))
  const audits = await deletePages(options, auditDays, signal, async (after, times) => {
    const page = await retireAudits(db, { after, rows: pageRows, ...times })
    return { last: page.last, deleted: page.audits }
  })
  if (audits > 0) {
    await database.reclaim('audits')
    logger.info({ audits, auditDays }, 'old audited pellets were deleted; the figures of their lots stay')
  }
}

/** The time so many days ago, Unix ns. */
function timeBefore({ clock }: RetentionOptions, days: number): bigint {
  return clock.nowNs() - BigInt(Math.round(days * 1_000)) * (dayNs / 1_000n)
}

type DeletePage = (
  after: bigint,
  times: RetirementTimes,
) => Promise<{ readonly last: bigint | undefined; readonly deleted: number }>

/** Goes through what is older than that, page by page, for as long as this process leads; answers how much was deleted. */
async function deletePages(
  options: RetentionOptions,
  days: number,
  signal: AbortSignal,
  deletePage: DeletePage,
): Promise<number> {
  const { clock, isLeading } = options
  const beforeNs = timeBefore(options, days)
  let deleted = 0
  for (let after = 0n; !signal.aborted && (await isLeading()); ) {
    const page = await deletePage(after, { beforeNs, nowNs: clock.nowNs() })
    deleted += page.deleted
    if (page.last === undefined) break
    after = page.last
    // Also where nothing was deleted: what stays for long, of a lot that nobody closes, is looked at in every pass.
    await clock.sleep(pageMs, signal)
  }
  return deleted
}
