/** Lets through at most so many a second, and as many at once after a pause. */
export interface TokenBucket {
  /** Takes one, where there is one. */
  take(): boolean
}

/** Creates a bucket that is full. */
export function createTokenBucket(perSecond: number, nowMs: () => number): TokenBucket {
  let tokens = perSecond
  let lastMs = nowMs()
  return {
    take() {
      const atMs = nowMs()
      tokens = Math.min(perSecond, tokens + (Math.max(0, atMs - lastMs) * perSecond) / 1000)
      lastMs = atMs
      if (tokens < 1) return false
      tokens -= 1
      return true
    },
  }
}
