import type { Clock } from './clock.ts'

/** Waits for the work, but no longer than `ms`; true where it was done in time. Rejects where the work does before that. */
export async function withinTime(work: Promise<unknown>, ms: number, clock: Pick<Clock, 'sleep'>): Promise<boolean> {
  const patience = new AbortController()
  const outOfTime = clock.sleep(Math.max(0, ms), patience.signal).then(
    () => false,
    () => true,
  )
  try {
    return await Promise.race([work.then(() => true), outOfTime])
  } finally {
    patience.abort()
  }
}
