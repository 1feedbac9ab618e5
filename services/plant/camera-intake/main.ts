import { startByConfig } from '../../shared/config/start-by-config.ts'
import { cameraIntakeConfigSchema } from './config.ts'
import { serveCameraIntake } from './serve-camera-intake.ts'

const name = 'camera-intake'

/** Runs both services by their configuration file until the process is told to end; resolves when the exit code is decided. */
export const start = startByConfig({ name, schema: cameraIntakeConfigSchema, startUp: serveCameraIntake })

if (import.meta.main) await start(process.argv[2] ?? `${name}.yaml`)
