import { create } from '@bufbuild/protobuf'
import { TeacherAuditService } from '../gen/pelletline/audit/v1/audit_pb.ts'
import { ModelRefSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { Bus, Subscription } from '../shared/bus/bus.ts'
import { leaveAfterFailure } from '../shared/bus/leave-after-failure.ts'
import { consumeTopic } from '../shared/bus/messages.ts'
import { topics } from '../shared/bus/topics.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createInferencePool, type InferencePool } from '../shared/onnx/inference-pool.ts'
import { noWorkerLeft } from '../shared/onnx/no-worker-left.ts'
import { implement } from '../shared/rpc/implement.ts'
import type { ServiceImplementation } from '../shared/rpc/types.ts'
import type { Clock } from '../shared/service/clock.ts'
import { withinTime } from '../shared/service/within-time.ts'
import type { Logger } from '../shared/telemetry/logger.ts'
import { metrics } from '../shared/telemetry/names.ts'
import { noTelemetry, type Telemetry } from '../shared/telemetry/telemetry.ts'
import type { TeacherAuditOptions } from './config.ts'
import { ensembleThreshold } from './ensemble.ts'
import { handleAuditRequest, type WarmTeachers } from './handle-audit-request.ts'
import { createAuditRecorder } from './record-audits.ts'
import { createTeacherScorer } from './teacher-scorer.ts'

export interface CreateTeacherAuditOptions {
  /** Absent where the service offers its gRPC surface only. */
  readonly bus?: Bus | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly options: TeacherAuditOptions
  /** Told when crops begin or cease to be taken, for the health service. */
  readonly onReady?: (ready: boolean) => void
  /** Told when a teacher has no worker left: no crop is scored from then on, until the process is started again. */
  readonly onFailed?: (reason: PelletlineError) => void
  /** Opens the workers of a teacher; `createInferencePool` where absent. */
  readonly openPool?: typeof createInferencePool
  /** None where absent. */
  readonly telemetry?: Telemetry
}

/** State of the audit for tables and health. */
export interface TeacherSnapshot {
  readonly ready: boolean
  /** Crops of callers that wait for the teachers. */
  readonly queued: number
  readonly queueLimit: number
}

/** The teachers: judge the audit sample and the crops of callers. */
export interface TeacherAudit {
  readonly implementations: readonly ServiceImplementation[]
  /** Loads and warms the teachers, then takes audit requests; rejects with the error that names the model. */
  start(signal?: AbortSignal): Promise<void>
  /** Refuses new crops, finishes those in hand within `timeoutMs`, and ends the workers. */
  drain(timeoutMs: number): Promise<void>
  snapshot(): TeacherSnapshot
}

/** Name of the consumer group on topic `audit-requests`. */
export const teacherGroup = 'teacher-audit'

/** Creates the audit; nothing is loaded before `start`. */
export function createTeacherAudit(dependencies: CreateTeacherAuditOptions): TeacherAudit {
  const { bus, clock, logger, options, telemetry = noTelemetry, openPool = createInferencePool } = dependencies
  const record = createAuditRecorder(telemetry)
  let phase: 'cold' | 'loading' | 'ready' | 'draining' = 'cold'
  let loadBegan = 0
  const pools: InferencePool[] = []
  let warm: WarmTeachers | undefined
  let subscription: Subscription | undefined
  const stopping = new AbortController()

  function isReady(): boolean {
    return phase === 'ready' && pools.every((pool) => pool.state() !== 'failed')
  }

  function teachers(): WarmTeachers {
    if (phase === 'draining') {
      const text = 'The teachers are being stopped; send the crops to another instance.'
      throw new PelletlineError('unavailable', text, { retryAfterMs: 1000 })
    }
    if (warm !== undefined) return warm
    const waited = phase === 'loading' ? clock.now() - loadBegan : 0
    const retryAfterMs = Math.max(250, options.expectedLoadMs - waited)
    const text = `The teachers are being loaded; send the crops again in ${retryAfterMs} ms.`
    throw new PelletlineError('unavailable', text, { retryAfterMs })
  }

  /** Only what was ready has failed for good: a start that cannot be is repeated by whoever asked for it. */
  function giveUp(modelPath: string, cause: PelletlineError): void {
    if (phase !== 'ready') return
    dependencies.onReady?.(false)
    dependencies.onFailed?.(noWorkerLeft(`the teacher ${modelPath}`, cause))
  }

  async function load(signal: AbortSignal | undefined): Promise<WarmTeachers> {
    for (const modelPath of options.modelPaths) {
      const pool = await openPool({
        modelPath,
        workers: 1,
        threadsPerWorker: options.threads,
        maxBatch: options.maxBatch,
        niceness: options.niceness,
        signal,
        onWorkerDeath(error, state) {
          logger.error({ err: error, state }, 'teacher worker died')
          if (state === 'failed') giveUp(modelPath, error)
        },
      })
      pools.push(pool)
      logger.info({ model: pool.model.id, loadMs: Math.round(pool.loadMs) }, 'teacher is warm')
    }
    const threshold = ensembleThreshold(
      pools.map((pool) => pool.model.threshold),
      options.ensembleThreshold,
    )
    const { maxBatch, queueLimit } = options
    return {
      scorer: createTeacherScorer({ pools, maxBatch, queueLimit, threshold }),
      models: pools.map(({ model }) => create(ModelRefSchema, { id: model.id, sha256: model.sha256 })),
    }
  }

  /** Throws a retryable `unavailable` where the workers of a teacher died while the others were loaded. */
  function requireWorkers(): void {
    const dead = pools.find((pool) => pool.state() === 'failed')
    if (dead === undefined) return
    const text = `The workers of the teacher ${dead.model.id} died again and again before all teachers were ready; see the log, and start them again.`
    throw new PelletlineError('unavailable', text, { retryAfterMs: 1000 })
  }

  /** Lets go of the group and of the workers, so that the next start finds neither. */
  async function undoStart(): Promise<void> {
    const joined = subscription
    subscription = undefined
    await leaveAfterFailure(joined, logger)
    await Promise.all(pools.splice(0).map((pool) => pool.close()))
  }

  const service = implement(TeacherAuditService, {
    async scoreCrops(request, { signal }) {
      const { scorer, models } = teachers()
      const scores = await scorer.score(request.crops, { whenFull: 'refuse', signal })
      return { scores, teachers: [...models] }
    },
  })

  const releaseGauge = telemetry.gauge(metrics.queueFill, () => [
    { value: (warm?.scorer.queued() ?? 0) / options.queueLimit, labels: { queue: 'teachers' } },
  ])

  return {
    implementations: [service],
    async start(signal) {
      if (phase !== 'cold') {
        throw new PelletlineError('failed_precondition', `The teachers are ${phase}; start them once.`)
      }
      phase = 'loading'
      loadBegan = clock.now()
      try {
        const loaded = await load(AbortSignal.any([stopping.signal, ...(signal === undefined ? [] : [signal])]))
        if (bus !== undefined) {
          subscription = await consumeTopic(bus, {
            topic: topics.auditRequests,
            group: teacherGroup,
            maxInFlight: options.maxMessagesInFlight,
            handle: (request, incoming, signal) =>
              handleAuditRequest({ bus, clock, record }, loaded, request, incoming.headers, signal),
          })
        }
        if (stopping.signal.aborted) {
          throw new PelletlineError('cancelled', 'The teachers were stopped while they started.')
        }
        requireWorkers()
        warm = loaded
      } catch (error) {
        await undoStart()
        if (!stopping.signal.aborted) phase = 'cold'
        throw error
      }
      phase = 'ready'
      dependencies.onReady?.(true)
    },
    async drain(timeoutMs) {
      phase = 'draining'
      stopping.abort()
      dependencies.onReady?.(false)
      const deadline = clock.now() + timeoutMs
      try {
        await subscription?.drain(timeoutMs)
        if (warm !== undefined) await withinTime(warm.scorer.idle(), deadline - clock.now(), clock)
      } finally {
        releaseGauge()
        await Promise.all(pools.map((pool) => pool.close()))
      }
    },
    snapshot: () => ({ ready: isReady(), queued: warm?.scorer.queued() ?? 0, queueLimit: options.queueLimit }),
  }
}
