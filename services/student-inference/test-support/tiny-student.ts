import { after, afterEach, before } from 'node:test'
import type { StudentInferenceService } from '../../gen/pelletline/inference/v1/inference_pb.ts'
import { createMemoryBus } from '../../shared/bus/memory-bus.ts'
import { parseConfig } from '../../shared/config/load-config.ts'
import { modelDirectory, type TinyModelOptions, writeTinyModel } from '../../shared/onnx/test-support/tiny-model.ts'
import { createLocalClient } from '../../shared/rpc/local-client.ts'
import type { ServiceClient, ServiceImplementation } from '../../shared/rpc/types.ts'
import { systemClock } from '../../shared/service/clock.ts'
import { silentLogger } from '../../shared/telemetry/logger.ts'
import { type StudentInferenceOptionsInput, studentInferenceOptionsSchema } from '../config.ts'
import { type CreateStudentInferenceOptions, createStudentInference } from '../create-student-inference.ts'

/** The tiny model's margin of a crop of one gray level. */
export const marginOf = (level: number) => Math.fround(0.1 * (128 - level))

export interface TinyStudentSetUp {
  /** Settings beside the model and its one worker of one thread. */
  readonly options?: Partial<StudentInferenceOptionsInput>
  /** Serves it with a bus and this registry; alone where absent. */
  readonly registry?: NonNullable<CreateStudentInferenceOptions['registry']>
  /** Another clock than the machine's. */
  readonly clock?: CreateStudentInferenceOptions['clock']
  /** Opens other workers than those of ONNX Runtime. */
  readonly openPool?: NonNullable<CreateStudentInferenceOptions['openPool']>
  /** None where absent. */
  readonly telemetry?: NonNullable<CreateStudentInferenceOptions['telemetry']>
}

/** Sets up the tiny model for a file of tests; the returned function serves it, and what it served ends with the test. */
export function useTinyStudent(model: TinyModelOptions = { id: 'tiny', threshold: 1 }) {
  let directory: Awaited<ReturnType<typeof modelDirectory>>
  let modelPath: string
  before(async () => {
    directory = await modelDirectory()
    modelPath = await writeTinyModel(directory.path, model)
  })
  after(() => directory.remove())
  const started: { drain(timeoutMs: number): Promise<void> }[] = []
  afterEach(async () => {
    for (const student of started.splice(0)) await student.drain(0)
  })

  return async ({ options = {}, registry, clock = systemClock, openPool, telemetry }: TinyStudentSetUp = {}) => {
    const student = createStudentInference({
      clock,
      logger: silentLogger,
      options: parseConfig(
        studentInferenceOptionsSchema,
        { modelPath, workers: 1, threadsPerWorker: 1, ...options },
        'test',
      ),
      ...(registry === undefined ? {} : { bus: createMemoryBus(), registry }),
      ...(openPool === undefined ? {} : { openPool }),
      ...(telemetry === undefined ? {} : { telemetry }),
    })
    started.push(student)
    const [service] = student.implementations
    const client = createLocalClient(
      service as unknown as ServiceImplementation<typeof StudentInferenceService>,
    ) as ServiceClient<typeof StudentInferenceService>
    await student.start()
    return { student, client }
  }
}
