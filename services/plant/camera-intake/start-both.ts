import type { RunningService } from '../../shared/service/run-service.ts'

/**
 * Waits until both services are up. Where one does not start, `abort` is told why, the other one is taken down, however
 * that ends, and the reason is thrown.
 */
export async function startBoth(
  starts: readonly [Promise<RunningService>, Promise<RunningService>],
  abort: (reason: unknown) => void,
): Promise<[RunningService, RunningService]> {
  try {
    return await Promise.all(starts)
  } catch (reason) {
    abort(reason)
    // Why the start failed says more than what fails after it.
    await Promise.allSettled(starts.map(async (start) => (await start).drain(0)))
    throw reason
  }
}
