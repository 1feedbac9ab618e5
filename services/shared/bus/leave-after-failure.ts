import type { Logger } from '../telemetry/logger.ts'
import type { Subscription } from './bus.ts'

/** Leaves a group that was joined by a start which has failed: what goes wrong here is logged, since why the start failed counts. */
export async function leaveAfterFailure(joined: Subscription | undefined, logger: Logger): Promise<void> {
  try {
    await joined?.drain(0)
  } catch (error) {
    logger.warn({ err: error }, 'the group of a failed start was not left in order')
  }
}
