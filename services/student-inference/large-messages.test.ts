import assert from 'node:assert/strict'
import test from 'node:test'
import { withServer } from '../../test/support/with-server.ts'
import { GRPCInferenceService } from '../gen/third_party/inference/grpc_service_pb.ts'
import { parseConfig } from '../shared/config/load-config.ts'
import type { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { modelDirectory, writeTinyModel } from '../shared/onnx/test-support/tiny-model.ts'
import { stripMaxMessageBytes } from '../shared/rpc/channel-options.ts'
import { systemClock } from '../shared/service/clock.ts'
import { silentLogger } from '../shared/telemetry/logger.ts'
import { studentInferenceOptionsSchema } from './config.ts'
import { createStudentInference } from './create-student-inference.ts'

test('student takes no larger message of the Open Inference Protocol where its server takes strips', async (t) => {
  const directory = await modelDirectory()
  const modelPath = await writeTinyModel(directory.path, { id: 'tiny' })
  const options = parseConfig(studentInferenceOptionsSchema, { modelPath, threadsPerWorker: 1 }, 'test')
  const student = createStudentInference({ clock: systemClock, logger: silentLogger, options })
  t.after(async () => {
    await student.drain(0)
    await directory.remove()
  })
  const refusal = (bytes: number) =>
    withServer(
      student.implementations,
      ({ client }) =>
        client(GRPCInferenceService)
          .modelInfer({ modelName: 'student', rawInputContents: [new Uint8Array(bytes)] })
          .then(
            () => assert.fail('it was answered'),
            (error: PelletlineError) => error,
          ),
      { maxMessageBytes: stripMaxMessageBytes },
    )
  assert.match((await refusal(51_000_000)).message, /ModelInfer has 51\d{6} bytes; at most 50331648 are taken/)
  // 4,096 crops of floats arrive, and are refused for what they lack.
  assert.equal((await refusal(4096 * 2500 * 4)).code, 'invalid_argument')
})
