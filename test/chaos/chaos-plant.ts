import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { defaultPlantOptions } from '../../services/plant/options.ts'
import type { PlantServices } from '../../services/plant/plant-services.ts'
import { composeProcesses } from '../../services/plant/processes/compose-processes.ts'
import { startKafkaCluster } from '../../services/shared/bus/broker/start-kafka-broker.ts'
import { kafkaConfigSchema } from '../../services/shared/bus/bus-config.ts'
import { applyTopics } from '../../services/shared/bus/kafka/apply-topics.ts'
import { systemClock } from '../../services/shared/service/clock.ts'
import { databaseConfigSchema } from '../../services/shared/store/database-config.ts'
import { openDatabase, type Store } from '../../services/shared/store/index.ts'
import { startPostgres } from '../../services/shared/store/server/start-postgres.ts'
import { createLogger } from '../../services/shared/telemetry/logger.ts'
import { startCutProxy } from './cut-proxy.ts'

const root = dirname(dirname(import.meta.dirname))

export interface ChaosPlantOptions {
  /** Brokers of the cluster; every topic is kept by all of them, up to three. */
  readonly brokers: 1 | 3
  readonly say: (text: string) => void
  readonly signal: AbortSignal
}

/** A plant of processes that can be hurt. */
export interface ChaosPlant {
  readonly services: PlantServices
  /** Where cameras connect: through a proxy. */
  readonly cameraAddress: string
  /** The books, read past the proxy that the services go through. */
  readonly store: Store
  readonly brokerCount: number
  /** Process of a service; undefined while it is being started again. */
  pidOf(service: string): number | undefined
  killBroker(index: number): Promise<void>
  startBroker(index: number): Promise<void>
  killDatabase(): Promise<void>
  startDatabase(): Promise<void>
  cutCameras(): void
  cutDatabase(): void
  /** Sets the wall clock of every service so far off, ms. */
  jumpClock(offsetMs: number): void
  /** Drains everything and removes what it kept. */
  end(): Promise<void>
}

/** Starts brokers, a database and every service as its own process, with proxies where connections can be cut. */
export async function startChaosPlant({ brokers, say, signal }: ChaosPlantOptions): Promise<ChaosPlant> {
  const directory = await mkdtemp(join(tmpdir(), 'pelletline-chaos-'))
  const logger = createLogger({ service: 'chaos', level: 'error' })
  const clockFile = join(directory, 'clock')
  writeFileSync(clockFile, '0')
  const environment = {
    NODE_OPTIONS: process.env['NODE_OPTIONS'],
    PELLETLINE_TEST_CLOCK: undefined as string | undefined,
  }
  const ends: (() => Promise<unknown> | unknown)[] = [() => rm(directory, { recursive: true, force: true })]
  const endAll = async () => {
    for (const end of ends.reverse()) await end()
  }
  try {
    const [cluster, server] = await Promise.all([
      startKafkaCluster({ nodes: brokers, logger }),
      startPostgres({ logger }),
    ])
    ends.push(() => server.stop())
    ends.push(() => cluster.stop())
    const busConfig = kafkaConfigSchema.parse({ kind: 'kafka', brokers: cluster.addresses })
    const defaults = defaultPlantOptions(root)
    await applyTopics(busConfig, { plant: defaults.plant, logger })
    const databaseProxy = await startCutProxy(server.address)
    ends.push(() => databaseProxy.close())

    // The children of this process inherit both; this process itself keeps its clock.
    process.env['NODE_OPTIONS'] =
      `${environment.NODE_OPTIONS ?? ''} --import=${pathToFileURL(join(import.meta.dirname, 'clock-jump.mjs'))}`
    process.env['PELLETLINE_TEST_CLOCK'] = clockFile
    ends.push(() => {
      for (const [name, value] of Object.entries(environment)) {
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      }
    })
    const dataDir = join(directory, 'plant')
    const services = await composeProcesses(
      {
        ...defaults,
        dataDir,
        bus: 'kafka',
        database: 'postgres',
        brokers: cluster.addresses,
        postgres: {
          address: `postgres://${server.user}@${databaseProxy.address}/${server.database}`,
          passwordFile: server.passwordFile,
        },
        listen: '127.0.0.1:0',
        cameras: '127.0.0.1:0',
        logLevel: 'info',
      },
      signal,
      { report: say, onKill: () => undefined },
    )
    ends.push(() => services.drain(60_000))
    const readState = () =>
      JSON.parse(readFileSync(join(dataDir, 'run', 'plant.json'), 'utf8')) as {
        services: Record<string, { pid: number | null; address: string }>
      }
    const gateway = readState().services['camera-gateway']
    if (gateway === undefined) throw new TypeError('The plant does not say where its gateway listens.')
    const cameraProxy = await startCutProxy(gateway.address)
    ends.push(() => cameraProxy.close())
    const { user, database, passwordFile } = server
    const store = await openDatabase(
      databaseConfigSchema.parse({ kind: 'postgres', address: server.address, user, database, passwordFile }),
    )
    ends.push(() => store.close())
    return {
      services,
      cameraAddress: cameraProxy.address,
      store,
      brokerCount: brokers,
      pidOf: (service) => readState().services[service]?.pid ?? undefined,
      killBroker: async (index) => cluster.brokers[index]?.kill('SIGKILL'),
      startBroker: async (index) => cluster.brokers[index]?.restart(),
      killDatabase: () => server.kill(),
      startDatabase: () => server.start(),
      cutCameras: () => cameraProxy.cut(),
      cutDatabase: () => databaseProxy.cut(),
      jumpClock: (offsetMs) => writeFileSync(clockFile, `${offsetMs}`),
      end: endAll,
    }
  } catch (reason) {
    await endAll().catch(() => undefined)
    throw reason
  }
}

/** Looks every 200 ms until `condition` holds; rejects with what did not come after `patienceMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  patienceMs: number,
): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${patienceMs / 1000} s.`)
    await systemClock.sleep(200)
  }
}
