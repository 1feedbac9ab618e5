export interface BackoffOptions {
  /** Pause after the first failure, ms. */
  readonly firstMs: number
  /** Longest pause, ms. */
  readonly maxMs: number
  /** Random number 0..1; pauses are spread by it, so that many callers do not come back at once. */
  readonly random?: () => number
}

/** Pauses between attempts that double from failure to failure. */
export interface Backoff {
  /** Failures since the last success. */
  readonly failures: number
  /** Counts a failure; returns the pause before the next attempt, ms: at least what the other side asked for. */
  fail(retryAfterMs?: number): number
  /** Counts a success: the next pause is the first one again. */
  succeed(): void
}

/** Creates a backoff: the n-th pause lies between half of and the whole of min(maxMs, firstMs * 2^(n - 1)). */
export function createBackoff({ firstMs, maxMs, random = Math.random }: BackoffOptions): Backoff {
  let failures = 0
  return {
    get failures() {
      return failures
    },
    fail(retryAfterMs = 0) {
      const whole = Math.min(maxMs, firstMs * 2 ** Math.min(failures, 30))
      failures++
      return Math.max(Math.min(retryAfterMs, maxMs), whole * (0.5 + random() / 2))
    },
    succeed() {
      failures = 0
    },
  }
}
