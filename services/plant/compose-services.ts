import { availableParallelism } from 'node:os'
import type { DescService } from '@bufbuild/protobuf'
import { createAnalytics, openCalibration } from '../analytics/index.ts'
import { createCameraGateway, loadCalibrations, parseCalibration } from '../camera-gateway/index.ts'
import { ModelService } from '../gen/pelletline/registry/v1/models_pb.ts'
import { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { SegmentationService } from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { createRoiSegmentation, segmentationOptionsSchema } from '../roi-segmentation/index.ts'
import { createMemoryBus } from '../shared/bus/memory-bus.ts'
import { topics } from '../shared/bus/topics.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { noWorkerLeft } from '../shared/onnx/no-worker-left.ts'
import { readReleasedModels } from '../shared/onnx/released-models.ts'
import { stripMaxMessageBytes } from '../shared/rpc/channel-options.ts'
import { createLocalClient } from '../shared/rpc/local-client.ts'
import { startRpcServer } from '../shared/rpc/start-rpc-server.ts'
import type { ServiceImplementation } from '../shared/rpc/types.ts'
import { systemClock } from '../shared/service/clock.ts'
import { openDatabase } from '../shared/store/index.ts'
import { createLogger } from '../shared/telemetry/logger.ts'
import { openTelemetry } from '../shared/telemetry/open-telemetry.ts'
import { memoryBusSystem, traceBus } from '../shared/telemetry/trace-bus.ts'
import {
  createStudentInference,
  defaultShape,
  studentGroup,
  studentInferenceOptionsSchema,
} from '../student-inference/index.ts'
import { createTeacherAudit, teacherAuditOptionsSchema } from '../teacher-audit/index.ts'
import { throwFailures } from './join-failures.ts'
import type { PlantOptions } from './options.ts'
import type { PlantHooks, PlantServices } from './plant-services.ts'
import { createPatientClient } from './processes/patient-client.ts'
import { provideDatabase } from './processes/provide-database.ts'
import { allStages, judging, settleStages } from './settle-stages.ts'

/** About 3,000 crops, some seconds of a line: a student that cannot keep up slows the line instead of hiding a backlog. */
const busBytesPerTopic = 8 * 1024 * 1024

/** Patience with a collector at the end, ms. */
const telemetryGraceMs = 5_000

/** How long a question to the plant's services is repeated while their database cannot be reached, ms. */
const callPatienceMs = 60_000

/** Starts all services on an in-memory bus and an embedded database, and one gRPC server in front of them. */
export async function composeServices(
  options: PlantOptions,
  signal: AbortSignal,
  hooks: PlantHooks,
): Promise<PlantServices> {
  const models = readReleasedModels(options.modelsDir)
  const calibrations = await loadCalibrations(options.calibrations.map(parseCalibration))
  const logger = createLogger({ service: 'plant', level: options.logLevel })
  const clock = systemClock
  /** In the order in which product flows, so that each stage still finds the next one at work when it drains. */
  const stages: { drain(timeoutMs: number): Promise<void> }[] = []
  const opened: (() => Promise<void>)[] = []
  /** Ends everything, whatever fails on the way; then throws what failed. */
  const end = async (timeoutMs: number) => {
    const failures: unknown[] = []
    const ends = [...stages.map((stage) => () => stage.drain(timeoutMs)), ...opened.reverse()]
    for (const close of ends) await close().catch((reason) => failures.push(reason))
    throwFailures(failures)
  }
  try {
    // Lots are reported after the plant was told to end: their figures may be looked up until it has.
    const reported = new AbortController()
    opened.push(async () => reported.abort())
    const calibrationOf = await openCalibration(
      { modelPaths: [options.modelsDir], modelsDir: options.modelStore },
      { clock, logger: logger.child({ service: 'analytics' }), signal: reported.signal },
    )
    const { telemetry, close: closeTelemetry } = await openTelemetry(options.telemetry, { service: 'plant', logger })
    opened.push(() => closeTelemetry(telemetryGraceMs))
    const failed = Promise.withResolvers<never>()
    failed.promise.catch(() => undefined)
    const { config, stop } = await provideDatabase(options, { ...hooks, clock, logger, onFailed: failed.reject })
    opened.push(stop)
    const database = await openDatabase({ ...config, logger })
    opened.push(() => database.close())
    const bus = createMemoryBus({ logger, clock, maxBytesPerTopic: busBytesPerTopic })
    opened.push(() => bus.close())
    /** What a service stands on: telemetry in its name, and the bus with its spans. */
    const standOn = (service: string) => {
      const own = telemetry.forService(service)
      return { telemetry: own, bus: traceBus(bus, { telemetry: own, system: memoryBusSystem, clock }) }
    }

    const analytics = createAnalytics({
      plant: options.plant,
      ...standOn('analytics'),
      database,
      clock,
      logger: logger.child({ service: 'analytics' }),
      options: { traces: options.traces },
      calibrationOf,
    })
    const registry = createLocalClient(find(analytics.implementations, RegistryService))
    const segmentation = createRoiSegmentation({
      ...standOn('roi-segmentation'),
      clock,
      logger: logger.child({ service: 'roi-segmentation' }),
      options: segmentationOptionsSchema.parse({}),
    })
    const gateway = createCameraGateway({
      plant: options.plant,
      registry,
      segmentation: createLocalClient(find(segmentation.implementations, SegmentationService)),
      clock,
      logger: logger.child({ service: 'camera-gateway' }),
      calibrations,
      telemetry: telemetry.forService('camera-gateway'),
    })
    const student = createStudentInference({
      ...standOn('student-inference'),
      registry,
      clock,
      logger: logger.child({ service: 'student-inference' }),
      modelRegistry: createLocalClient(find(analytics.implementations, ModelService)),
      instance: options.plant,
      onReady: (ready) => {
        if (!ready) failed.reject(noWorkerLeft('the model that judges'))
      },
      options: studentInferenceOptionsSchema.parse({
        modelPath: models.student,
        // A measurement at the start would see cores that the rest of the plant does not use yet.
        ...defaultShape(availableParallelism()),
        models: {
          folder: options.modelStore,
          trustedKeys: options.trustedKeys,
          allowUnsigned: options.allowUnsignedModels,
          startWith: options.startWith,
        },
      }),
    })
    const audit = createTeacherAudit({
      ...standOn('teacher-audit'),
      clock,
      logger: logger.child({ service: 'teacher-audit' }),
      onFailed: failed.reject,
      options: teacherAuditOptionsSchema.parse({ modelPaths: models.teachers }),
    })
    const services = [gateway, segmentation, student, audit, analytics]
    stages.push(...services)
    const implementations = services.flatMap((service) => [...service.implementations])
    const server = await startRpcServer({
      listen: options.listen,
      implementations,
      maxMessageBytes: stripMaxMessageBytes,
      logger,
      telemetry,
    })
    opened.push(() => server.drain(1000))
    await analytics.start()
    await Promise.all([student.start(signal), audit.start(signal)])
    server.setServing('', true)

    const patience = { clock, patienceMs: callPatienceMs, signal: reported.signal }
    return {
      address: server.address,
      client: (service) => createPatientClient(service, createLocalClient(find(implementations, service)), patience),
      lineReport: (line) => analytics.lineReport(line),
      queueFill: async () => (await bus.lag(topics.crops.name, studentGroup)).fill,
      settleVerdicts: (timeoutMs) => settleStages(bus, judging, timeoutMs, clock),
      settle: (timeoutMs) => settleStages(bus, allStages, timeoutMs, clock),
      failed: failed.promise,
      async drain(timeoutMs) {
        server.setServing('', false)
        await end(timeoutMs)
      },
    }
  } catch (reason) {
    // Why the start failed says more than what fails after it.
    await end(0).catch(() => undefined)
    throw reason
  }
}

function find<S extends DescService>(
  implementations: readonly ServiceImplementation[],
  service: S,
): ServiceImplementation<S> {
  const found = implementations.find((candidate) => candidate.service.typeName === service.typeName)
  if (found === undefined) throw new PelletlineError('internal', `The plant has no ${service.typeName}.`)
  return found as unknown as ServiceImplementation<S>
}
