import type { AuditsMessage, VerdictsMessage } from '../../gen/pelletline/events/v1/events_pb.ts'
import { AlertService, LotService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { RegistryService } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import { TraceService } from '../../gen/pelletline/trace/v1/trace_pb.ts'
import type { Bus } from '../../shared/bus/bus.ts'
import { createMemoryBus, type MemoryBusOptions } from '../../shared/bus/memory-bus.ts'
import { publishMessage } from '../../shared/bus/messages.ts'
import { topics } from '../../shared/bus/topics.ts'
import { createLocalClient } from '../../shared/rpc/local-client.ts'
import type { ServiceImplementation } from '../../shared/rpc/types.ts'
import { type Clock, systemClock } from '../../shared/service/clock.ts'
import { openDatabase, type ReadTime, type Store } from '../../shared/store/index.ts'
import { silentLogger } from '../../shared/telemetry/logger.ts'
import type { Telemetry } from '../../shared/telemetry/telemetry.ts'
import type { AnalyticsOptionsInput } from '../config.ts'
import { createAnalytics } from '../create-analytics.ts'
import type { CalibrationOf } from '../lots/lot-figures.ts'

export interface StartOptions {
  /** A store in memory where absent. */
  readonly database?: Store
  readonly bus?: Bus
  readonly busOptions?: MemoryBusOptions
  readonly clock?: Clock
  readonly readTime?: ReadTime
  readonly calibrationOf?: CalibrationOf
  readonly options?: AnalyticsOptionsInput
  readonly telemetry?: Telemetry
}

/** Analytics on a memory bus with clients, as the plant composes it. */
export async function startAnalytics(settings: StartOptions = {}) {
  const database = settings.database ?? (await openDatabase({ kind: 'pglite' }))
  const bus = settings.bus ?? createMemoryBus(settings.busOptions ?? {})
  const analytics = createAnalytics({
    plant: 'plant-1',
    bus,
    database,
    clock: settings.clock ?? systemClock,
    logger: silentLogger,
    calibrationOf: settings.calibrationOf ?? (async () => undefined),
    ...(settings.readTime === undefined ? {} : { readTime: settings.readTime }),
    ...(settings.options === undefined ? {} : { options: settings.options }),
    ...(settings.telemetry === undefined ? {} : { telemetry: settings.telemetry }),
  })
  await analytics.start()
  const pick = <S extends ServiceImplementation['service']>(service: S) => {
    const found = analytics.implementations.find(
      (implementation) => implementation.service.typeName === service.typeName,
    )
    return createLocalClient(found as unknown as ServiceImplementation<S>)
  }
  const settled = async () => {
    for (const topic of [topics.verdicts, topics.audits]) {
      while ((await bus.lag(topic.name, 'analytics')).messages > 0) await new Promise((done) => setTimeout(done, 5))
    }
  }
  return {
    analytics,
    bus,
    database,
    lots: pick(LotService),
    alerts: pick(AlertService),
    registry: pick(RegistryService),
    traces: pick(TraceService),
    /** Publishes and returns once the messages are in the topic. */
    async publish(messages: readonly (VerdictsMessage | AuditsMessage)[]) {
      for (const message of messages) {
        if (message.$typeName === 'pelletline.events.v1.VerdictsMessage') {
          await publishMessage(bus, topics.verdicts, { key: `${message.header?.key?.strip}`, message })
        } else await publishMessage(bus, topics.audits, { key: `${message.key?.strip}`, message })
      }
    },
    /** Waits until all that was published has been booked. */
    settled,
    async stop() {
      await analytics.drain(5_000)
      await bus.close()
      if (settings.database === undefined) await database.close()
    },
  }
}

/** Makes a line known as its gateway does, and answers its assignment. */
export async function watchOnce(registry: Awaited<ReturnType<typeof startAnalytics>>['registry'], line: string) {
  for await (const { assignment } of registry.watchLine({ line })) return assignment
  return undefined
}

/** Polls until the condition holds; the test's own timeout ends it where it never does. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((done) => setTimeout(done, 20))
}

/** What a stream sends until it ends. */
export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of stream) all.push(one)
  return all
}
