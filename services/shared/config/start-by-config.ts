import type { z } from 'zod'
import { accountBuffers } from '../service/account-buffers.ts'
import { type RunningService, runService } from '../service/run-service.ts'
import { loadConfig } from './load-config.ts'

/** What the configuration of every service holds. */
export interface ServiceConfig {
  /** How long a drain waits for work in hand, ms. */
  readonly drainTimeoutMs: number
}

export interface StartByConfigOptions<Config extends ServiceConfig> {
  /** Name of the service, as in messages. */
  readonly name: string
  readonly schema: z.ZodType<Config>
  /** Brings the service up; the signal aborts where the process is told to end before that. */
  readonly startUp: (config: Config, signal: AbortSignal) => Promise<RunningService>
}

/**
 * Makes the `start` of a service: it runs the service by a configuration file until it is told to end or ends by itself,
 * and resolves when the exit code is decided. A file that is wrong or missing is an error of the start.
 */
export function startByConfig<Config extends ServiceConfig>(
  options: StartByConfigOptions<Config>,
): (configFile: string) => Promise<void> {
  const { name, schema, startUp } = options
  return async (configFile) => {
    accountBuffers()
    let drainTimeoutMs = 0
    await runService({
      name,
      drainTimeoutMs: () => drainTimeoutMs,
      start: async (signal) => {
        const config = loadConfig(schema, configFile, { service: name })
        drainTimeoutMs = config.drainTimeoutMs
        return startUp(config, signal)
      },
    })
  }
}
