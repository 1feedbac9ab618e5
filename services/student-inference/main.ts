import { StudentInferenceService } from '../gen/pelletline/inference/v1/inference_pb.ts'
import { ModelService } from '../gen/pelletline/registry/v1/models_pb.ts'
import { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { GRPCInferenceService } from '../gen/third_party/inference/grpc_service_pb.ts'
import { startByConfig } from '../shared/config/start-by-config.ts'
import { noWorkerLeft } from '../shared/onnx/no-worker-left.ts'
import { createRpcClient } from '../shared/rpc/create-rpc-client.ts'
import type { RunningService } from '../shared/service/run-service.ts'
import { serveWhileLoading } from '../shared/service/serve-while-loading.ts'
import { type StudentInferenceConfig, studentInferenceConfigSchema } from './config.ts'
import { createStudentInference } from './create-student-inference.ts'
import { serveRestBeside } from './serve-rest-beside.ts'

const name = 'student-inference'

function startUp(config: StudentInferenceConfig, signal: AbortSignal): Promise<RunningService> {
  return serveWhileLoading({
    name,
    config,
    services: [StudentInferenceService, GRPCInferenceService],
    async create({ clock, logger, telemetry, openBus, onEnd, ...health }) {
      const bus = await openBus(config.bus)
      const registry = createRpcClient(RegistryService, { address: config.registryAddress, telemetry })
      const modelRegistry = createRpcClient(ModelService, { address: config.registryAddress })
      onEnd(() => registry.close())
      onEnd(() => modelRegistry.close())
      // A bus within the process has no other end.
      const busSide = config.bus.kind === 'memory' ? {} : { bus, registry, modelRegistry }
      const onReady = (ready: boolean) => {
        health.onReady(ready)
        if (!ready) health.onFailed(noWorkerLeft('the model that judges'))
      }
      const student = createStudentInference({ clock, logger, telemetry, onReady, options: config.student, ...busSide })
      const { restListen: listen, maxMessageBytes: maxBodyBytes } = config
      return listen === 'off' ? student : serveRestBeside(student, { listen, maxBodyBytes, logger, telemetry })
    },
    signal,
  })
}

/** Runs the service by its configuration file until it is told to end; resolves when the exit code is decided. */
export const start = startByConfig({ name, schema: studentInferenceConfigSchema, startUp })

if (import.meta.main) await start(process.argv[2] ?? `${name}.yaml`)
