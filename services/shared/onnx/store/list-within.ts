import { PelletlineError } from '../../errors/pelletline-error.ts'
import type { Clock } from '../../service/clock.ts'
import { runWithin } from '../../service/run-within.ts'
import type { ModelStore } from './model-store.ts'

/** Patience with a listing, ms, however long a bucket's own `timeoutMs` is: others wait for what comes of it. */
const listLimitMs = 5_000

/**
 * Lists a store within `listLimitMs`. Rejects as `ModelStore.list` does, with `deadline_exceeded` where it takes longer, and with
 * `cancelled` on abort.
 */
export function listWithin(
  store: ModelStore,
  { clock, signal }: { readonly clock: Pick<Clock, 'sleep'>; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const text = `The model store ${store.place} was not listed within ${listLimitMs} ms; check that it runs, and the network to it.`
  return runWithin((stop) => store.list(stop), {
    ms: listLimitMs,
    clock,
    signal,
    late: () => new PelletlineError('deadline_exceeded', text),
  })
}
