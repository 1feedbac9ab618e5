import type { LineAssignment, Recipe, RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createNotifier } from '../shared/queue/notifier.ts'
import type { ServiceClient } from '../shared/rpc/types.ts'
import { createBackoff } from '../shared/service/backoff.ts'
import type { Clock } from '../shared/service/clock.ts'
import type { Logger } from '../shared/telemetry/logger.ts'

/** An assignment with its recipe there. */
export type Assignment = LineAssignment & { readonly recipe: Recipe }

export interface AssignmentWatchOptions {
  readonly line: string
  readonly registry: ServiceClient<typeof RegistryService>
  readonly clock: Clock
  readonly logger: Logger
  readonly retryFirstMs: number
  readonly retryMaxMs: number
  /** Called with every assignment as it comes. */
  readonly onChange: (assignment: Assignment) => void
}

/** What the registry assigns to a line. */
export interface AssignmentWatch {
  /** The last assignment heard of; undefined before the first. It stays in force while the registry cannot be reached. */
  readonly current: Assignment | undefined
  /** The assignment in force, waiting for the first one; rejects with `cancelled` on abort, with `unavailable` after `stop`, with the registry's error where it takes no further line. */
  get(signal: AbortSignal): Promise<Assignment>
  stop(): void
}

/** Starts to watch a line; a watch that breaks is opened again after a pause, for ever. */
export function watchAssignment(options: AssignmentWatchOptions): AssignmentWatch {
  const { line, registry, clock, logger, onChange } = options
  const stopping = new AbortController()
  const heard = createNotifier()
  let current: Assignment | undefined
  let refusal: PelletlineError | undefined

  async function watch(): Promise<void> {
    const backoff = createBackoff({ firstMs: options.retryFirstMs, maxMs: options.retryMaxMs })
    while (!stopping.signal.aborted) {
      let error: PelletlineError
      try {
        for await (const { assignment } of registry.watchLine({ line }, { signal: stopping.signal })) {
          if (assignment?.recipe === undefined || assignment.lot === '') {
            throw new PelletlineError('internal', `The registry assigned line ${line} no lot or no recipe.`)
          }
          backoff.succeed()
          current = assignment as Assignment
          refusal = undefined
          onChange(current)
          heard.notify()
        }
        error = new PelletlineError('unavailable', 'the registry ended the watch')
      } catch (reason) {
        error = PelletlineError.from(reason)
      }
      if (stopping.signal.aborted) return
      // Whoever waits for the first assignment would wait for a person to change the registry's limit.
      refusal = error.code === 'resource_exhausted' && !error.retryable ? error : undefined
      if (refusal !== undefined) heard.notify()
      const pauseMs = backoff.fail(error.retryAfterMs)
      logger.warn({ line, code: error.code, pauseMs: Math.round(pauseMs) }, `watch of the line broke: ${error.message}`)
      await clock.sleep(pauseMs, stopping.signal).catch(() => {})
    }
  }
  void watch()

  return {
    get current() {
      return current
    },
    async get(signal) {
      for (;;) {
        if (current !== undefined) return current
        if (refusal !== undefined) throw refusal
        if (signal.aborted) throw PelletlineError.from(signal.reason, 'cancelled')
        if (stopping.signal.aborted) throw new PelletlineError('unavailable', `The watch of line ${line} has ended.`)
        // Only who waits is noted: this is asked for with every strip, and an assignment changes once a day.
        await heard.changed(signal)
      }
    },
    stop() {
      stopping.abort()
      heard.notify()
    },
  }
}
