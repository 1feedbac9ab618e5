import { startByConfig } from '../shared/config/start-by-config.ts'
import { cameraGatewayConfigSchema } from './config.ts'
import { serveCameraGateway } from './serve-camera-gateway.ts'

const name = 'camera-gateway'

/** Runs the service by its configuration file until it is told to end; resolves when the exit code is decided. */
export const start = startByConfig({
  name,
  schema: cameraGatewayConfigSchema,
  startUp: (config, signal) => serveCameraGateway(config, signal),
})

if (import.meta.main) await start(process.argv[2] ?? `${name}.yaml`)
