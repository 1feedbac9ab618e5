import type { Clock } from '../shared/service/clock.ts'

/** How long a caller is waited for where nothing else is said, ms. */
export const defaultSilenceLimitMs = 30_000

export interface SilenceLimitOptions {
  readonly clock: Pick<Clock, 'nowNs' | 'sleep'>
  /** Longest wait, ms. */
  readonly limitMs: number
  /** Called once, when one wait has lasted so long; nothing is watched from then on. */
  readonly onSilent: () => void
}

/** Bounds each wait for a peer that may never come; time between the waits does not count. */
export interface SilenceLimit {
  /** The peer is waited for from now on. */
  begin(): void
  /** It has come. */
  end(): void
  /** Ends the watch. */
  close(): void
}

/** Creates a limit that waits for nobody yet. It has one timer, however many waits there are. */
export function createSilenceLimit({ clock, limitMs, onSilent }: SilenceLimitOptions): SilenceLimit {
  const limitNs = BigInt(Math.ceil(limitMs * 1e6))
  const closing = new AbortController()
  let sinceNs: bigint | undefined

  async function watch(): Promise<void> {
    for (let leftNs = limitNs; leftNs > 0n; ) {
      await clock.sleep(Math.ceil(Number(leftNs) / 1e6), closing.signal)
      leftNs = sinceNs === undefined ? limitNs : sinceNs + limitNs - clock.nowNs()
    }
  }

  // It rejects where it is closed.
  watch().then(onSilent, () => {})
  return {
    begin() {
      sinceNs = clock.nowNs()
    },
    end() {
      sinceNs = undefined
    },
    close: () => closing.abort(),
  }
}
