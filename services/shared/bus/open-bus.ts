import type { Clock } from '../service/clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Bus } from './bus.ts'
import type { BusConfig } from './bus-config.ts'
import { createMemoryBus } from './memory-bus.ts'

export interface OpenBusOptions {
  /** Name of the plant: a broker whose topics belong to another plant is refused. */
  readonly plant: string
  /** Name of the service, as the broker's logs and quotas show it. */
  readonly clientId: string
  readonly clock: Clock
  readonly logger: Logger
}

/** Opens the bus that a configuration names; the one who opened it closes it. */
export async function openBus(config: BusConfig, options: OpenBusOptions): Promise<Bus> {
  const { clock, logger } = options
  if (config.kind === 'memory') return createMemoryBus({ clock, logger })
  const { PelletlineError } = await import('../errors/pelletline-error.ts')
  throw new PelletlineError('unimplemented', `There is no ${config.client} adapter yet.`)
}
