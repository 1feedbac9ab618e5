/** Lets any number of parties wait until something has changed; they look for themselves what it was. */
export interface Notifier {
  /** Wakes all who wait. */
  notify(): void
  /**
   * Resolves at the next `notify`. To miss none: take the promise, look, and only then await it. It also resolves once
   * the signal is aborted.
   */
  changed(signal?: AbortSignal): Promise<void>
}

/** Creates a notifier; it holds memory only for those who wait. */
export function createNotifier(): Notifier {
  const waiting = new Set<() => void>()
  return {
    notify() {
      for (const wake of [...waiting]) wake()
    },
    changed(signal) {
      return new Promise((resolve) => {
        const wake = () => {
          waiting.delete(wake)
          signal?.removeEventListener('abort', wake)
          resolve()
        }
        waiting.add(wake)
        signal?.addEventListener('abort', wake, { once: true })
        if (signal?.aborted) wake()
      })
    },
  }
}
