import type { AnalyticsOptionsInput } from '../../services/analytics/config.ts'
import { createAnalytics } from '../../services/analytics/index.ts'
import { LotService } from '../../services/gen/pelletline/mes/v1/mes_pb.ts'
import { ModelService } from '../../services/gen/pelletline/registry/v1/models_pb.ts'
import { RegistryService } from '../../services/gen/pelletline/registry/v1/registry_pb.ts'
import { createMemoryBus, type MemoryBusOptions } from '../../services/shared/bus/memory-bus.ts'
import { createLocalClient } from '../../services/shared/rpc/local-client.ts'
import { startRpcServer } from '../../services/shared/rpc/start-rpc-server.ts'
import type { ServiceImplementation } from '../../services/shared/rpc/types.ts'
import { systemClock } from '../../services/shared/service/clock.ts'
import type { Store } from '../../services/shared/store/index.ts'
import { silentLogger } from '../../services/shared/telemetry/logger.ts'
import {
  createStudentInference,
  type StudentInferenceOptionsInput,
  studentInferenceOptionsSchema,
} from '../../services/student-inference/index.ts'

export interface ModelPlantOptions {
  /** The configured model; its folder is the store. */
  readonly modelPath: string
  readonly student?: Partial<StudentInferenceOptionsInput>
  readonly analytics?: AnalyticsOptionsInput
  /** Kept by the caller, who closes it: opening one costs more than all else. */
  readonly database: Store
  readonly busOptions?: MemoryBusOptions
  readonly students?: number
}

/** A student, or several, with the analytics that keep their models, on a memory bus, with a gRPC server in front. */
export async function startModelPlant(options: ModelPlantOptions) {
  const { modelPath, students: count = 1 } = options
  const { database } = options
  const bus = createMemoryBus({ maxBytesPerTopic: 16 * 1024 * 1024, ...options.busOptions })
  const common = { bus, clock: systemClock, logger: silentLogger }
  const analytics = createAnalytics({
    ...common,
    plant: 'plant-1',
    database,
    calibrationOf: async () => undefined,
    ...(options.analytics === undefined ? {} : { options: options.analytics }),
  })
  const client = <S extends ServiceImplementation['service']>(service: S) => {
    const found = analytics.implementations.find((candidate) => candidate.service.typeName === service.typeName)
    return createLocalClient(found as unknown as ServiceImplementation<S>)
  }
  const { models: modelOptions, ...student } = options.student ?? {}
  const students = Array.from({ length: count }, (_, i) =>
    createStudentInference({
      ...common,
      registry: client(RegistryService),
      modelRegistry: client(ModelService),
      instance: `student-${i + 1}`,
      options: studentInferenceOptionsSchema.parse({
        modelPath,
        workers: 1,
        threadsPerWorker: 1,
        ...student,
        models: { allowUnsigned: true, reportEveryMs: 200, ...modelOptions },
      }),
    }),
  )
  const server = await startRpcServer({
    listen: '127.0.0.1:0',
    implementations: [...analytics.implementations, ...students[0]!.implementations],
    logger: silentLogger,
  })
  const stop = async () => {
    await server.drain(1000)
    for (const one of students) await one.drain(5000)
    await analytics.drain(5000)
    await bus.close()
  }
  try {
    await analytics.start()
    await Promise.all(students.map((one) => one.start()))
  } catch (reason) {
    await stop()
    throw reason
  }
  return {
    bus,
    address: server.address,
    models: client(ModelService),
    lots: client(LotService),
    students,
    stop,
  }
}

/** Forgets what is assigned, as in a database that has just been made. */
export async function forgetModels({ db }: Store): Promise<void> {
  await db.deleteFrom('model_assignments').execute()
  await db.deleteFrom('model_changes').execute()
  await db.deleteFrom('student_reports').execute()
}

export type ModelPlant = Awaited<ReturnType<typeof startModelPlant>>
