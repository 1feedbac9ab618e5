import type { Clock } from '../../shared/service/clock.ts'
import type { Store } from '../../shared/store/index.ts'
import type { Logger } from '../../shared/telemetry/logger.ts'
import { retireStrips } from './retire-strips.ts'

export interface RetentionOptions {
  readonly database: Pick<Store, 'db' | 'reclaim'>
  readonly clock: Clock
  readonly logger: Logger
  /** How long parts stay once they are booked and their lot is closed, days. */
  readonly stripDays: number
  /** Whether this process is the one that deletes. */
  readonly isLeading: () => Promise<boolean>
}

/** Parts of one transaction, during which no part is booked. */
const pageParts = 1_000
/** Pause after each, so that bookings have their turns, ms. */
const pageMs = 100
/** Between two passes, ms. */
const passMs = 3_600_000

const dayNs = 86_400_000_000_000n

/** Deletes parts that are old enough, pass by pass, until the signal aborts; what fails is tried again in the next pass. */
export async function keepRetention(options: RetentionOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger, isLeading } = options
  while (!signal.aborted) {
    try {
      if (await isLeading()) await passOnce(options, signal)
    } catch (reason) {
      if (!signal.aborted) logger.error({ err: reason }, 'the retention of strip parts failed; it is tried again')
    }
    await clock.sleep(passMs, signal).catch(() => undefined)
  }
}

async function passOnce({ database, clock, logger, stripDays, isLeading }: RetentionOptions, signal: AbortSignal) {
  const beforeNs = clock.nowNs() - BigInt(Math.round(stripDays * 1_000)) * (dayNs / 1_000n)
  let strips = 0
  for (let after: bigint | undefined = 0n; after !== undefined && !signal.aborted; ) {
    const page = await retireStrips(database.db, { after, parts: pageParts, beforeNs })
    strips += page.strips
    after = page.last
    if (page.strips > 0) await clock.sleep(pageMs, signal)
    if (!(await isLeading())) break
  }
  if (strips === 0) return
  await database.reclaim('strip_parts')
  logger.info({ strips, stripDays }, 'parts of old strips were deleted; the figures of their lots stay')
}
