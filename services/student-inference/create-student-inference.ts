import { create } from '@bufbuild/protobuf'
import { ModelRefSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import type { Bus, Subscription } from '../shared/bus/bus.ts'
import { consumeTopic } from '../shared/bus/messages.ts'
import { maxPelletsPerPart, topics } from '../shared/bus/topics.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createInferencePool, type InferencePool } from '../shared/onnx/inference-pool.ts'
import type { ServiceClient, ServiceImplementation } from '../shared/rpc/types.ts'
import type { Clock } from '../shared/service/clock.ts'
import { withinTime } from '../shared/service/within-time.ts'
import type { Logger } from '../shared/telemetry/logger.ts'
import { createBatcherStatistics } from './batcher-statistics.ts'
import { measureCurve } from './batching/measure-curve.ts'
import { createClassifyService } from './classify-service.ts'
import type { StudentInferenceOptions } from './config.ts'
import { createCropBatcher } from './crop-batcher.ts'
import { type CropExplainer, createCropExplainer } from './explain-crops.ts'
import { handleCrops } from './handle-crops.ts'
import { createGrpcInferenceService } from './open-inference/grpc-inference-service.ts'
import type { ServedModelState, ServedModels } from './open-inference/served-models.ts'
import { createRecipeCache } from './recipe-cache.ts'
import { type ServedStudent, serveStudentModel } from './serve-student-model.ts'

/** The bus side of the student; absent where it offers its gRPC surface only. */
export interface StudentBusSide {
  readonly bus: Bus
  readonly registry: Pick<ServiceClient<typeof RegistryService>, 'getRecipe'>
}

export interface CreateStudentInferenceOptions extends Partial<StudentBusSide> {
  readonly clock: Clock
  readonly logger: Logger
  readonly options: StudentInferenceOptions
  /** Told when crops begin or cease to be taken, for the health service. */
  readonly onReady?: (ready: boolean) => void
}

/** State of the student for tables and health. */
export interface StudentSnapshot {
  /** The model has run and crops are taken. */
  readonly ready: boolean
  /** Crops that wait for a batch. */
  readonly queued: number
  /** Crops that may wait: those of rpc callers and those of the messages in hand. */
  readonly queueLimit: number
}

/** The student: judges crops of the bus and of callers. */
export interface StudentInference {
  readonly implementations: readonly ServiceImplementation[]
  /** The student under the Open Inference Protocol, whose gRPC half is among the implementations. */
  readonly models: ServedModels
  /** Loads and warms the model, then takes messages; rejects with the error that names the model and what is wrong. */
  start(signal?: AbortSignal): Promise<void>
  /** Refuses new crops, finishes those in hand within `timeoutMs`, and ends the workers. */
  drain(timeoutMs: number): Promise<void>
  snapshot(): StudentSnapshot
}

/** Name of the consumer group on topic `crops`. */
export const studentGroup = 'student-inference'

/** Creates the student; nothing is loaded before `start`. */
export function createStudentInference(dependencies: CreateStudentInferenceOptions): StudentInference {
  const { clock, logger, options, bus, registry } = dependencies
  const busLimit = options.maxMessagesInFlight * maxPelletsPerPart
  let phase: 'cold' | 'loading' | 'ready' | 'draining' = 'cold'
  let loadBegan = 0
  let pool: InferencePool | undefined
  let warm: ServedStudent | undefined
  let explainer: CropExplainer | undefined
  let subscription: Subscription | undefined
  const stopping = new AbortController()

  function student(): ServedStudent {
    if (phase === 'draining') {
      throw new PelletlineError('unavailable', 'The student is being stopped; send the crops to another instance.', {
        retryAfterMs: 1000,
      })
    }
    if (warm === undefined) {
      const waited = phase === 'loading' ? clock.now() - loadBegan : 0
      const retryAfterMs = Math.max(250, options.expectedLoadMs - waited)
      const text = `The model ${options.modelPath} is being loaded; send the crops again in ${retryAfterMs} ms.`
      throw new PelletlineError('unavailable', text, { retryAfterMs })
    }
    return warm
  }

  function isReady(): boolean {
    return phase === 'ready' && pool !== undefined && pool.state() !== 'failed'
  }

  /** Where the student stands, in the terms of a model repository. */
  function describeState(): Omit<ServedModelState, 'name'> {
    const version = pool?.model.id ?? ''
    if (isReady()) return { version, state: 'READY', reason: '' }
    if (phase === 'draining') return { version, state: 'UNLOADING', reason: 'the service is being stopped' }
    if (phase === 'ready') return { version, state: 'UNAVAILABLE', reason: 'its workers have died; see the log' }
    return { version, state: 'LOADING', reason: `${options.modelPath} is being loaded` }
  }

  async function load(signal: AbortSignal | undefined): Promise<ServedStudent> {
    pool = await createInferencePool({
      modelPath: options.modelPath,
      expectedSha256: options.modelSha256,
      workers: options.workers,
      threadsPerWorker: options.threadsPerWorker,
      maxBatch: options.maxBatch,
      signal,
      onWorkerDeath(error, state) {
        logger.error({ err: error, state }, 'inference worker died')
        if (state === 'failed') dependencies.onReady?.(false)
      },
    })
    const { id, sha256, threshold } = pool.model
    const { modelPath, explainQueueLimit } = options
    explainer = createCropExplainer({ modelPath, sha256, queueLimit: explainQueueLimit, clock })
    const statistics = createBatcherStatistics(clock)
    const limits = { rpc: options.queueLimit, bus: busLimit }
    const curve = await measureCurve(pool, signal)
    const batcher = statistics.count(createCropBatcher({ pool, clock, limits, curve, onRun: statistics.onRun }))
    const { model: manifest, workers, maxBatch } = pool
    return {
      batcher,
      model: create(ModelRefSchema, { id, sha256 }),
      threshold,
      manifest,
      workers,
      maxBatch,
      statistics,
    }
  }

  async function subscribe(student: ServedStudent): Promise<void> {
    if (bus === undefined || registry === undefined) return
    const recipes = createRecipeCache({
      registry,
      limit: options.recipeLimit,
      timeoutMs: options.registryTimeoutMs,
    })
    const { auditSalt, galleryPerPart } = options
    subscription = await consumeTopic(bus, {
      topic: topics.crops,
      group: studentGroup,
      maxInFlight: options.maxMessagesInFlight,
      handle: (message, incoming, signal) =>
        handleCrops({ bus, recipes, clock, auditSalt, galleryPerPart }, student, message, incoming.headers, signal),
    })
  }

  const service = createClassifyService({
    student,
    explainer: () => explainer!,
    maxRequestsPerStream: options.maxRequestsPerStream,
    getModel: () => ({
      ...(warm === undefined ? {} : { model: warm.model, threshold: warm.threshold }),
      ready: isReady(),
      queued: warm?.batcher.queued() ?? 0,
      queueLimit: options.queueLimit,
    }),
  })
  const models = serveStudentModel({ student, ready: isReady, state: describeState })
  const { maxRequestsPerStream } = options

  return {
    implementations: [service, createGrpcInferenceService({ models, maxRequestsPerStream })],
    models,
    async start(signal) {
      if (phase !== 'cold') {
        throw new PelletlineError('failed_precondition', `The student is ${phase}; start it once.`)
      }
      phase = 'loading'
      loadBegan = clock.now()
      try {
        const loaded = await load(AbortSignal.any([stopping.signal, ...(signal === undefined ? [] : [signal])]))
        await subscribe(loaded)
        if (stopping.signal.aborted) throw new PelletlineError('cancelled', 'The student was stopped while it started.')
        warm = loaded
      } catch (error) {
        if (!stopping.signal.aborted) phase = 'cold'
        await subscription?.drain(0)
        await pool?.close()
        throw error
      }
      phase = 'ready'
      dependencies.onReady?.(true)
      const { workers, threadsPerWorker, maxBatch } = options
      const fields = { model: warm.model.id, sha256: warm.model.sha256, workers, threadsPerWorker, maxBatch }
      logger.info({ ...fields, loadMs: Math.round(pool!.loadMs) }, 'student is warm')
    },
    async drain(timeoutMs) {
      phase = 'draining'
      stopping.abort()
      dependencies.onReady?.(false)
      const deadline = clock.now() + timeoutMs
      await subscription?.drain(timeoutMs)
      if (warm !== undefined) {
        const idle = Promise.all([warm.batcher.idle(), explainer?.idle()])
        await withinTime(idle, deadline - clock.now(), clock)
      }
      await explainer?.close()
      await pool?.close()
    },
    snapshot: () => ({
      ready: isReady(),
      queued: warm?.batcher.queued() ?? 0,
      queueLimit: options.queueLimit + (bus === undefined ? 0 : busLimit),
    }),
  }
}
