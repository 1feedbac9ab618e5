/** Tells followers that something changed; they then read what is there, so nothing queues up for a slow one. */
export interface ChangeSignal {
  /** Number of changes so far. */
  readonly version: number
  notify(): void
  /**
   * Resolves once `version` differs from `seen`, the signal aborts, or `timeoutMs` have passed, whichever is first.
   */
  waitForChange(seen: number, options: { readonly signal: AbortSignal; readonly timeoutMs?: number }): Promise<void>
}

/** Creates a signal without a change. */
export function createChangeSignal(): ChangeSignal {
  let version = 0
  const waiting = new Set<() => void>()
  return {
    get version() {
      return version
    },
    notify() {
      version += 1
      for (const wake of waiting) wake()
    },
    waitForChange(seen, { signal, timeoutMs }) {
      if (seen !== version || signal.aborted) return Promise.resolve()
      return new Promise((resolve) => {
        const wake = () => {
          waiting.delete(wake)
          clearTimeout(timer)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        const timer = timeoutMs === undefined ? undefined : setTimeout(wake, timeoutMs)
        waiting.add(wake)
        signal.addEventListener('abort', wake, { once: true })
      })
    },
  }
}
