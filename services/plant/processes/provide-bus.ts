import { busConfigSchema, type KafkaConfig } from '../../shared/bus/bus-config.ts'
import { correctOptions, parseConfig } from '../../shared/config/load-config.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { Clock } from '../../shared/service/clock.ts'
import type { Logger } from '../../shared/telemetry/logger.ts'
import { createKeeper } from './keep-running.ts'

export interface ProvideOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly report: (text: string) => void
  readonly onFailed: (error: PelletlineError) => void
  /** Called with what ends its process at once. */
  readonly onKill: (kill: () => void) => void
}

/** A broker or a database that the plant stands on, its own or a given one. */
export interface Provided<Config> {
  readonly config: Config
  /** Process of an own one. */
  readonly pid: () => number | undefined
  stop(): Promise<void>
}

/**
 * Crops that wait between segmentation and student, about 13,000: a student that cannot keep up slows the line within
 * seconds instead of hiding a backlog.
 */
const maxBytesPerTopic = 32 * 1024 * 1024

/** Names given brokers, or starts one that is kept running: its data in `directory`, all that it writes in `logFile`. */
export async function provideBus(
  brokers: readonly string[],
  directory: string,
  logFile: string,
  options: ProvideOptions,
): Promise<Provided<KafkaConfig>> {
  if (brokers.length > 0) {
    return { config: parseGivenBrokers(brokers), pid: () => undefined, stop: async () => undefined }
  }
  const { clock, logger, report, onFailed, onKill } = options
  const leaving = new AbortController()
  const revive = createKeeper({
    name: 'broker',
    logFile,
    restart: () => broker.restart(),
    clock,
    report,
    onFailed,
    signal: leaving.signal,
  })
  const { startKafkaBroker } = await import('../../shared/bus/broker/start-kafka-broker.ts')
  const onUnexpectedExit = (_: string, lastWords: string) => revive(lastWords)
  const broker = await startKafkaBroker({ directory, logFile, logger, onUnexpectedExit })
  onKill(() => {
    leaving.abort()
    void broker.kill('SIGKILL')
  })
  return {
    config: parseGivenBrokers([broker.address]),
    pid: () => broker.pid,
    async stop() {
      leaving.abort()
      await broker.stop()
    },
  }
}

/** The bus of given brokers; throws `invalid_argument` that names the option. */
export function parseGivenBrokers(brokers: readonly string[]): KafkaConfig {
  const config = parseConfig(busConfigSchema, { kind: 'kafka', brokers, maxBytesPerTopic }, '--brokers', correctOptions)
  if (config.kind === 'kafka') return config
  throw new PelletlineError('internal', 'A bus of brokers was read as another.')
}
