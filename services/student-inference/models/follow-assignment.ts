import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  ModelAssignment,
  ModelService,
  ReportModelsRequestSchema,
} from '../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { ServiceClient } from '../../shared/rpc/types.ts'
import { createBackoff } from '../../shared/service/backoff.ts'
import type { Clock } from '../../shared/service/clock.ts'
import type { Logger } from '../../shared/telemetry/logger.ts'

/** The registry's calls that a student makes. */
export type ModelRegistry = Pick<
  ServiceClient<typeof ModelService>,
  'watchModels' | 'reportModels' | 'loadModel' | 'unloadModel'
>

/** What a student says of itself, but for its name. */
export type ModelReport = Omit<MessageInitShape<typeof ReportModelsRequestSchema>, '$typeName' | 'instance' | 'leaving'>

export interface FollowAssignmentOptions {
  readonly registry: ModelRegistry
  /** Name of this process. */
  readonly instance: string
  readonly clock: Clock
  readonly logger: Logger
  readonly reportEveryMs: number
  /** Told every assignment as it comes. */
  readonly onAssignment: (assignment: ModelAssignment) => void
  readonly describe: () => Promise<ModelReport>
  /** Goes on beside the reports until the signal aborts, and ends then; does not reject. */
  readonly keepListing: (signal: AbortSignal) => Promise<void>
}

/** Follows what the registry assigns, and reports what became of it. */
export interface AssignmentFollower {
  /** Resolves with the first assignment; rejects with `cancelled` after `stop`. */
  first(): Promise<ModelAssignment>
  /** Something has changed: it is reported soon. */
  report(): void
  /** Ends the watch and tells the registry, within `timeoutMs`, that this student leaves. */
  stop(timeoutMs: number): Promise<void>
}

const pauses = { firstMs: 100, maxMs: 5_000 }
const reportTimeoutMs = 5_000

/** Starts to follow; a watch that breaks is opened again after a pause, and the last assignment holds meanwhile. */
export function followAssignment(options: FollowAssignmentOptions): AssignmentFollower {
  const { registry, instance, clock, logger, reportEveryMs, onAssignment, describe, keepListing } = options
  const stopping = new AbortController()
  const { signal } = stopping
  const first = Promise.withResolvers<ModelAssignment>()
  // Nobody may be waiting for it when it is stopped.
  first.promise.catch(() => {})
  let changes = 0
  /** Ends the pause between two reports. */
  let pause = new AbortController()

  async function watch(): Promise<void> {
    const backoff = createBackoff(pauses)
    while (!signal.aborted) {
      let error = new PelletlineError('unavailable', 'the registry ended the watch')
      try {
        for await (const { assignment } of registry.watchModels({ instance }, { signal })) {
          if (assignment === undefined) throw new PelletlineError('internal', 'the registry sent no assignment')
          backoff.succeed()
          onAssignment(assignment)
          first.resolve(assignment)
        }
      } catch (reason) {
        error = PelletlineError.from(reason)
      }
      if (signal.aborted) return
      const pauseMs = backoff.fail(error.retryAfterMs)
      const fields = { code: error.code, pauseMs: Math.round(pauseMs) }
      logger.warn(fields, `watch of the assigned models broke: ${error.message}`)
      await clock.sleep(pauseMs, signal).catch(() => {})
    }
  }

  async function reportOnce(): Promise<void> {
    const report = await describe()
    await registry.reportModels({ ...report, instance, leaving: false }, { signal, timeoutMs: reportTimeoutMs })
  }

  async function reportAll(): Promise<void> {
    const backoff = createBackoff(pauses)
    while (!signal.aborted) {
      const seen = changes
      let pauseMs = reportEveryMs
      try {
        await reportOnce()
        backoff.succeed()
      } catch (reason) {
        if (signal.aborted) return
        const error = PelletlineError.from(reason)
        pauseMs = backoff.fail(error.retryAfterMs)
        logger.warn({ code: error.code }, `report of the models failed: ${error.message}`)
      }
      if (signal.aborted) return
      if (seen !== changes && backoff.failures === 0) continue
      pause = new AbortController()
      await clock.sleep(pauseMs, pause.signal).catch(() => {})
    }
  }

  const running = Promise.all([watch(), reportAll(), keepListing(signal)])
  return {
    first: () => first.promise,
    report() {
      changes += 1
      pause.abort()
    },
    async stop(timeoutMs) {
      stopping.abort()
      pause.abort()
      first.reject(new PelletlineError('cancelled', 'The student was stopped before it knew which model to load.'))
      await running
      await registry
        .reportModels({ instance, leaving: true }, { timeoutMs: Math.max(1, Math.min(timeoutMs, 1000)) })
        .catch((reason) =>
          logger.warn({ code: PelletlineError.from(reason).code }, 'the registry was not told of the end'),
        )
    },
  }
}
