import { join } from 'node:path'
import type { DescService } from '@bufbuild/protobuf'
import { type Analytics, analyticsGroup, createAnalytics } from '../analytics/index.ts'
import { type CameraGateway, createCameraGateway, loadCalibrations, parseCalibration } from '../camera-gateway/index.ts'
import { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { SegmentationService } from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { createRoiSegmentation, segmentationOptionsSchema } from '../roi-segmentation/index.ts'
import type { Bus } from '../shared/bus/bus.ts'
import { createMemoryBus } from '../shared/bus/memory-bus.ts'
import { topics } from '../shared/bus/topics.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createManifestCalibration } from '../shared/onnx/manifest-calibration.ts'
import { readReleasedModels } from '../shared/onnx/released-models.ts'
import { stripMaxMessageBytes } from '../shared/rpc/channel-options.ts'
import { createLocalClient } from '../shared/rpc/local-client.ts'
import { startRpcServer } from '../shared/rpc/start-rpc-server.ts'
import type { ServiceClient, ServiceImplementation } from '../shared/rpc/types.ts'
import { systemClock } from '../shared/service/clock.ts'
import { openDatabase } from '../shared/store/index.ts'
import { createLogger } from '../shared/telemetry/logger.ts'
import { createStudentInference, studentGroup, studentInferenceOptionsSchema } from '../student-inference/index.ts'
import { createTeacherAudit, teacherAuditOptionsSchema, teacherGroup } from '../teacher-audit/index.ts'
import type { PlantOptions } from './options.ts'

/** Name of the plant that one process simulates. */
const plantName = 'plant-1'

/** About 3,000 crops, some seconds of a line: a student that cannot keep up slows the line instead of hiding a backlog. */
const busBytesPerTopic = 8 * 1024 * 1024

/** The services of a plant in one process, started. */
export interface ComposedServices {
  readonly analytics: Analytics
  readonly gateway: CameraGateway
  readonly address: string
  /** A client of one of the services, within the process. Throws `internal` for a service that the plant has not. */
  client<S extends DescService>(service: S): ServiceClient<S>
  /** Fill of the queue of crops before the student, 0..1. */
  queueFill(): Promise<number>
  /** Waits until every crop has its verdict, at most `timeoutMs`. */
  settleVerdicts(timeoutMs: number): Promise<void>
  /** Waits until every crop has its verdict, every sampled pellet its audit, and all of it is booked, at most `timeoutMs`. */
  settle(timeoutMs: number): Promise<void>
  /** Drains the services in the order of the product's flow and closes what they stand on. */
  drain(timeoutMs: number): Promise<void>
}

/** Starts all services on an in-memory bus and an embedded database, and one gRPC server in front of them. */
export async function composeServices(options: PlantOptions, signal: AbortSignal): Promise<ComposedServices> {
  const models = readReleasedModels(options.modelsDir)
  const calibrations = await loadCalibrations(options.calibrations.map(parseCalibration))
  const logger = createLogger({ service: 'plant', level: options.logLevel })
  const clock = systemClock
  /** In the order in which product flows, so that each stage still finds the next one at work when it drains. */
  const stages: { drain(timeoutMs: number): Promise<void> }[] = []
  const opened: (() => Promise<void>)[] = []
  /** Ends everything, whatever fails on the way; then throws the first failure. */
  const end = async (timeoutMs: number) => {
    const failures: unknown[] = []
    const ends = [...stages.map((stage) => () => stage.drain(timeoutMs)), ...opened.reverse()]
    for (const close of ends) await close().catch((reason) => failures.push(reason))
    if (failures.length > 0) throw failures[0]
  }
  try {
    const database = await openDatabase({
      kind: 'pglite',
      ...(options.ephemeral ? {} : { directory: join(options.dataDir, 'database') }),
    })
    opened.push(() => database.close())
    const bus = createMemoryBus({ logger, clock, maxBytesPerTopic: busBytesPerTopic })
    opened.push(() => bus.close())

    const analytics = createAnalytics({
      plant: plantName,
      bus,
      database,
      clock,
      logger: logger.child({ service: 'analytics' }),
      calibrationOf: createManifestCalibration([models.student]),
    })
    const registry = createLocalClient(find(analytics.implementations, RegistryService))
    const segmentation = createRoiSegmentation({
      bus,
      clock,
      logger: logger.child({ service: 'roi-segmentation' }),
      options: segmentationOptionsSchema.parse({}),
    })
    const gateway = createCameraGateway({
      plant: plantName,
      registry,
      segmentation: createLocalClient(find(segmentation.implementations, SegmentationService)),
      clock,
      logger: logger.child({ service: 'camera-gateway' }),
      calibrations,
    })
    const student = createStudentInference({
      bus,
      registry,
      clock,
      logger: logger.child({ service: 'student-inference' }),
      options: studentInferenceOptionsSchema.parse({ modelPath: models.student }),
    })
    const audit = createTeacherAudit({
      bus,
      clock,
      logger: logger.child({ service: 'teacher-audit' }),
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
    })
    opened.push(() => server.drain(1000))
    await analytics.start()
    await Promise.all([student.start(signal), audit.start(signal)])
    server.setServing('', true)

    return {
      analytics,
      gateway,
      address: server.address,
      client: (service) => createLocalClient(find(implementations, service)),
      queueFill: async () => (await bus.lag(topics.crops.name, studentGroup)).fill,
      settleVerdicts: (timeoutMs) => settle(bus, [[topics.crops.name, studentGroup]], timeoutMs),
      settle: (timeoutMs) => settle(bus, allStages, timeoutMs),
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

/** Topic and group of each stage behind segmentation, in the order of the product's flow. */
const allStages: readonly (readonly [topic: string, group: string])[] = [
  [topics.crops.name, studentGroup],
  [topics.auditRequests.name, teacherGroup],
  [topics.verdicts.name, analyticsGroup],
  [topics.audits.name, analyticsGroup],
]

async function settle(bus: Bus, stages: typeof allStages, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (const [topic, group] of stages) {
    while ((await bus.lag(topic, group)).messages > 0 && performance.now() < deadline) {
      await systemClock.sleep(50)
    }
  }
}
