import { hostname } from 'node:os'
import process from 'node:process'
import type { CropsMessage } from '../gen/pelletline/events/v1/events_pb.ts'
import type { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import type { Bus, Subscription } from '../shared/bus/bus.ts'
import { leaveAfterFailure } from '../shared/bus/leave-after-failure.ts'
import { consumeTopic } from '../shared/bus/messages.ts'
import { topics } from '../shared/bus/topics.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { type createInferencePool, isAtWork } from '../shared/onnx/inference-pool.ts'
import { describeIntegerInstructions } from '../shared/onnx/integer-instructions.ts'
import { precisionOf } from '../shared/onnx/model-manifest.ts'
import type { ServiceClient, ServiceImplementation } from '../shared/rpc/types.ts'
import type { Clock } from '../shared/service/clock.ts'
import { withinTime } from '../shared/service/within-time.ts'
import type { Logger } from '../shared/telemetry/logger.ts'
import { metrics } from '../shared/telemetry/names.ts'
import { noTelemetry, type Telemetry } from '../shared/telemetry/telemetry.ts'
import { createClassifyService } from './classify-service.ts'
import type { StudentInferenceOptions } from './config.ts'
import { handleCrops } from './handle-crops.ts'
import { createLineThresholds, noLineThresholds } from './line-thresholds.ts'
import { controlAlone, controlByRegistry } from './models/control-models.ts'
import { createModelShelf, type ModelShelf } from './models/create-model-shelf.ts'
import { describeShelf } from './models/describe-shelf.ts'
import { type AssignmentFollower, followAssignment, type ModelRegistry } from './models/follow-assignment.ts'
import { listStored, type StoredModels } from './models/list-stored.ts'
import { listVersions } from './models/list-versions.ts'
import { type LoadedStudent, loadStudent, queueLimitOf } from './models/load-student.ts'
import { createStudentModels } from './models/read-student.ts'
import { recordModels } from './models/record-models.ts'
import { createOngoingRequests } from './ongoing-requests.ts'
import { createGrpcInferenceService } from './open-inference/grpc-inference-service.ts'
import type { ServedModels } from './open-inference/served-models.ts'
import { createUnreadAnswers } from './open-inference/unread-answers.ts'
import { orCancelled } from './or-cancelled.ts'
import { createRecipeCache } from './recipe-cache.ts'
import { createJudgingRecorder } from './record-judging.ts'
import { serveStudentModel } from './serve-student-model.ts'
import { describeMeasured } from './sessions/choose-sessions.ts'
import { createPoolOpener } from './sessions/create-pool-opener.ts'

/** The bus side of the student; absent where it offers its gRPC surface only. */
export interface StudentBusSide {
  readonly bus: Bus
  readonly registry: Pick<ServiceClient<typeof RegistryService>, 'getRecipe' | 'listLines'>
}

export interface CreateStudentInferenceOptions extends Partial<StudentBusSide> {
  readonly clock: Clock
  readonly logger: Logger
  readonly options: StudentInferenceOptions
  /** Keeps which models are to judge; the configured one does where it is absent. */
  readonly modelRegistry?: ModelRegistry
  /** Name of this process among those that report to the registry; default: host and process id. */
  readonly instance?: string
  /** Told when crops begin or cease to be taken, for the health service. */
  readonly onReady?: (ready: boolean) => void
  /** Opens the workers of a model; `createInferencePool` where absent. */
  readonly openPool?: typeof createInferencePool
  /** None where absent. */
  readonly telemetry?: Telemetry
}

/** State of the student for tables and health. */
export interface StudentSnapshot {
  /** The model has run and crops are taken. */
  readonly ready: boolean
  /** Crops that wait for a batch of the model that has most of them. */
  readonly queued: number
  /** Crops that may wait for one model: those of single calls, as many of streams, and those of the messages in hand. */
  readonly queueLimit: number
}

/** The student: judges crops of the bus and of callers. */
export interface StudentInference {
  readonly implementations: readonly ServiceImplementation[]
  /** The student under the Open Inference Protocol, whose gRPC half is among the implementations. */
  readonly models: ServedModels
  /**
   * Loads and warms the assigned model, then takes messages; rejects with the error that names the model and what is wrong. It
   * waits for a registry that does not answer.
   */
  start(signal?: AbortSignal): Promise<void>
  /** Refuses new crops, finishes those in hand within `timeoutMs`, and ends the workers. */
  drain(timeoutMs: number): Promise<void>
  snapshot(): StudentSnapshot
}

/** Name of the consumer group on topic `crops`. */
export const studentGroup = 'student-inference'

/** More than the 4,096 crops of 2,500 floats that a request of the Open Inference Protocol may have, whatever its server takes. */
const openInferenceMaxBytes = 48 * 1024 * 1024

const stoppedAtStart = 'The student was stopped while it started.'

/** How long a model that is let go may finish what it has, ms. */
const retireLimitMs = 60_000

/** Creates the student; nothing is loaded before `start`. */
export function createStudentInference(dependencies: CreateStudentInferenceOptions): StudentInference {
  const { clock, logger, options, bus, registry, modelRegistry } = dependencies
  const { instance = `${hostname()}/${process.pid}` } = dependencies
  const models = createStudentModels(options, clock)
  const opener = createPoolOpener({
    options,
    ...(dependencies.openPool !== undefined && { createPool: dependencies.openPool }),
  })
  const queueLimit = queueLimitOf(options, bus !== undefined)
  const { telemetry = noTelemetry } = dependencies
  const record = createJudgingRecorder(telemetry, clock)
  let phase: 'cold' | 'loading' | 'ready' | 'draining' = 'cold'
  let loadBegan = 0
  let shelf: ModelShelf | undefined
  let follower: AssignmentFollower | undefined
  let stored: StoredModels | undefined
  /** Ends the listing of the store where no follower does. */
  let endListing: (() => Promise<void>) | undefined
  let subscription: Subscription | undefined
  let told = false
  const stopping = new AbortController()
  const recordOfModels = recordModels(telemetry, () => shelf)

  /** The model that judges, in one of the phases; throws `unavailable` in the others. */
  function liveIn(...phases: (typeof phase)[]): LoadedStudent {
    const live = phases.includes(phase) ? shelf?.live() : undefined
    if (live !== undefined) return live
    if (phase === 'draining') {
      throw new PelletlineError('unavailable', 'The student is being stopped; send the crops to another instance.', {
        retryAfterMs: 1000,
      })
    }
    const waited = phase === 'loading' ? clock.now() - loadBegan : 0
    const retryAfterMs = Math.max(250, options.expectedLoadMs - waited)
    const text = `The model ${options.modelPath} is being loaded; send the crops again in ${retryAfterMs} ms.`
    throw new PelletlineError('unavailable', text, { retryAfterMs })
  }
  const student = () => liveIn('ready')

  function isReady(): boolean {
    const live = shelf?.live()
    return phase === 'ready' && live !== undefined && isAtWork(live.state())
  }

  /** Tells health of a change only. */
  function tellReady(): void {
    if (isReady() === told) return
    told = !told
    dependencies.onReady?.(told)
  }

  async function createShelf(): Promise<ModelShelf> {
    const configured = await models.configured()
    return createModelShelf({
      configured,
      maxLoaded: options.models.maxLoaded,
      logger,
      retireLimitMs,
      clock,
      load: (model, signal) =>
        loadStudent({
          name: model.id,
          read: (within) => models.read(model, within),
          options,
          opener,
          clock,
          record,
          signal,
          onWorkerDeath(error, state) {
            logger.error({ err: error, state, model: model.id }, 'inference worker died')
            shelf?.noteDeaths()
            tellReady()
            follower?.report()
          },
          onWorkerReturn(state) {
            logger.info({ state, model: model.id }, 'inference worker that was given up is back')
            follower?.report()
          },
        }),
      onRefused: recordOfModels.refused,
      onChange() {
        tellReady()
        alone?.noteChange()
        follower?.report()
      },
    })
  }

  /** Loads the model that is to judge; an assignment that comes later is followed from then on. */
  async function load(signal: AbortSignal): Promise<LoadedStudent> {
    const made = await createShelf()
    shelf = made
    const { reportEveryMs } = options.models
    const onChange = () => follower?.report()
    const listing = listStored({ models, clock, logger, everyMs: reportEveryMs, onChange })
    if (modelRegistry !== undefined || control !== undefined) stored = listing
    if (modelRegistry === undefined) {
      made.follow(undefined)
      if (control !== undefined) endListing = startListing(listing)
    } else {
      let first: bigint | undefined
      follower = followAssignment({
        registry: modelRegistry,
        instance,
        clock,
        logger,
        reportEveryMs,
        onAssignment(assignment) {
          first ??= assignment.generation
          const own = options.models.startWith === 'configured' && assignment.generation === first
          made.follow(own ? undefined : assignment)
        },
        describe: () => describeShelf({ shelf: made, models, stored: listing, clock }),
        keepListing: listing.keep,
      })
      await orCancelled(follower.first(), signal, stoppedAtStart)
    }
    const refused = await orCancelled(made.settled(), signal, stoppedAtStart)
    if (refused !== undefined) throw made.generation === 0n ? refused : atStart(refused)
    return made.live()!
  }

  /** Throws a retryable `unavailable` where the workers of the model that is to judge died before it did. */
  function requireWorkers(): void {
    const live = shelf!.live()!
    if (isAtWork(live.state())) return
    const text = `The workers of model ${live.model.id} died again and again before it judged; see the log, and start it again.`
    throw new PelletlineError('unavailable', text, { retryAfterMs: 1000 })
  }

  async function subscribe(made: ModelShelf): Promise<void> {
    if (bus === undefined || registry === undefined) return
    const recipes = createRecipeCache({
      registry,
      limit: options.recipeLimit,
      timeoutMs: options.registryTimeoutMs,
    })
    const { auditSalt, galleryPerPart } = options
    const route = ({ header, part }: CropsMessage) => made.route(header!.key!, part)!
    subscription = await consumeTopic(bus, {
      topic: topics.crops,
      group: studentGroup,
      maxInFlight: options.maxMessagesInFlight,
      handle: (message, incoming, signal) =>
        handleCrops(
          { bus, recipes, clock, auditSalt, galleryPerPart, handover: made.handover, route, record },
          message,
          incoming.headers,
          signal,
        ),
    })
  }

  async function close(timeoutMs: number): Promise<void> {
    const deadline = clock.now() + timeoutMs
    await endListing?.()
    await follower?.stop(timeoutMs)
    await shelf?.close(deadline - clock.now())
  }

  /** Lets go of the group and of the workers. */
  async function undoStart(): Promise<void> {
    const joined = subscription
    subscription = undefined
    await leaveAfterFailure(joined, logger)
    await close(0)
  }

  const requests = createOngoingRequests()
  const unread = createUnreadAnswers()
  const service = createClassifyService({
    student,
    ongoing: () => liveIn('ready', 'draining'),
    enter: requests.enter,
    lines:
      registry === undefined
        ? noLineThresholds
        : createLineThresholds({
            registry,
            clock,
            timeoutMs: options.registryTimeoutMs,
            waitingLimit: options.queueLimit,
          }),
    clock,
    explainer: () => student().explainer,
    maxRequestsPerStream: options.maxRequestsPerStream,
    unread,
    getModel() {
      const live = phase === 'ready' ? shelf?.live() : undefined
      return {
        ...(live === undefined ? {} : { model: live.model, threshold: live.threshold }),
        ready: isReady(),
        queued: live?.batcher.queued() ?? 0,
        queueLimit,
      }
    },
  })
  const alone =
    options.models.openInferenceControl && modelRegistry === undefined ? controlAlone(models, () => shelf!) : undefined
  const byRegistry =
    options.models.openInferenceControl && modelRegistry !== undefined ? controlByRegistry(modelRegistry) : undefined
  const control = alone ?? byRegistry
  const served = serveStudentModel({
    student,
    find: (id) => shelf?.find(id),
    ready: isReady,
    states: () => listVersions({ phase, ready: isReady(), shelf, modelPath: options.modelPath }),
    stored: () => (stored?.last() ?? []).map(({ model, reason = '' }) => ({ id: model.id, reason })),
    ...(control === undefined ? {} : { control }),
  })
  const { maxRequestsPerStream } = options
  const snapshot = (): StudentSnapshot => ({
    ready: isReady(),
    queued: shelf?.queued() ?? 0,
    queueLimit,
  })
  const releaseGauge = telemetry.gauge(metrics.queueFill, () => {
    return [{ value: snapshot().queued / queueLimit, labels: { queue: 'student' } }]
  })

  return {
    implementations: [
      service,
      {
        ...createGrpcInferenceService({ models: served, maxRequestsPerStream, unread }),
        maxMessageBytes: openInferenceMaxBytes,
      },
    ],
    models: served,
    async start(signal) {
      if (phase !== 'cold') {
        throw new PelletlineError('failed_precondition', `The student is ${phase}; start it once.`)
      }
      phase = 'loading'
      loadBegan = clock.now()
      const within = AbortSignal.any([stopping.signal, ...(signal === undefined ? [] : [signal])])
      try {
        const { model, manifest, loadMs, sessions } = await load(within)
        await subscribe(shelf!)
        if (stopping.signal.aborted) throw new PelletlineError('cancelled', stoppedAtStart)
        requireWorkers()
        phase = 'ready'
        tellReady()
        const { maxBatch } = options
        const { provider, workers, threadsPerWorker } = sessions
        const measured = sessions.measured.map(describeMeasured)
        const file = { precision: precisionOf(manifest), integerInstructions: describeIntegerInstructions() }
        const fields = {
          model: model.id,
          sha256: model.sha256,
          provider,
          workers,
          threadsPerWorker,
          measured,
          maxBatch,
          ...file,
        }
        logger.info({ ...fields, loadMs }, 'student is warm')
      } catch (error) {
        await undoStart()
        if (!stopping.signal.aborted) phase = 'cold'
        throw error
      }
    },
    async drain(timeoutMs) {
      phase = 'draining'
      stopping.abort()
      tellReady()
      const deadline = clock.now() + timeoutMs
      try {
        await Promise.all([subscription?.drain(timeoutMs), withinTime(requests.none(), timeoutMs, clock)])
      } finally {
        releaseGauge()
        recordOfModels.release()
        await close(deadline - clock.now())
      }
    },
    snapshot,
  }
}

/** Keeps a listing until the returned function ends it. */
function startListing(listing: StoredModels): () => Promise<void> {
  const ending = new AbortController()
  const kept = listing.keep(ending.signal)
  return () => {
    ending.abort()
    return kept
  }
}

/** The refusal of an assigned model at a start, when no other one judges, with the way out. */
function atStart(refused: PelletlineError): PelletlineError {
  const text = `The model that the registry assigns is refused: ${refused.message} Mend that, or start with models.startWith: configured (--start-with configured) and promote another one.`
  return new PelletlineError(refused.code, text, { cause: refused })
}
