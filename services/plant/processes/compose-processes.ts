import process from 'node:process'
import type { DescService } from '@bufbuild/protobuf'
import { loadCalibrations, parseCalibration } from '../../camera-gateway/index.ts'
import { CameraGatewayService } from '../../gen/pelletline/camera/v1/camera_pb.ts'
import { AlertService, LotService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { RegistryService } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import type { Bus } from '../../shared/bus/bus.ts'
import { applyTopics } from '../../shared/bus/kafka/apply-topics.ts'
import { checkTopics } from '../../shared/bus/kafka/check-topics.ts'
import { openBus } from '../../shared/bus/open-bus.ts'
import { topics } from '../../shared/bus/topics.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { writeFileAtomically } from '../../shared/files/write-file-atomically.ts'
import { readReleasedModels } from '../../shared/onnx/released-models.ts'
import { stripMaxMessageBytes } from '../../shared/rpc/channel-options.ts'
import { checkHealth } from '../../shared/rpc/check-health.ts'
import { createRpcClient } from '../../shared/rpc/create-rpc-client.ts'
import { systemClock } from '../../shared/service/clock.ts'
import { withinTime } from '../../shared/service/within-time.ts'
import { createLogger } from '../../shared/telemetry/logger.ts'
import { studentGroup } from '../../student-inference/index.ts'
import { throwFailures } from '../join-failures.ts'
import type { PlantOptions } from '../options.ts'
import type { PlantHooks, PlantServices } from '../plant-services.ts'
import { allStages, judging, settleStages } from '../settle-stages.ts'
import { chooseAddresses } from './choose-addresses.ts'
import { endLeftovers } from './end-leftovers.ts'
import { createPatientClient } from './patient-client.ts'
import { openPlantFolder } from './plant-folder.ts'
import { type ProvideOptions, parseGivenBrokers, provideBus } from './provide-bus.ts'
import { parseGivenDatabase, provideDatabase } from './provide-database.ts'
import { createLineReader } from './read-line.ts'
import { configOfProcess, createServiceConfigs } from './service-configs.ts'
import { listProcesses, type ProcessName, type ServiceName } from './service-starts.ts'
import { startServiceProcess } from './start-process.ts'
import { type Supervised, supervise } from './supervise.ts'
import { createStateWriter } from './write-state.ts'

/** Patience with the services at the start, the loading of models included, ms; a busy machine takes its time. */
const readyTimeoutMs = 600_000
/** How often it is said what is still waited for, ms. */
const sayWaitingMs = 30_000
/** Patience with one service at the end, beyond its own with the work in hand, ms. */
const stopTimeoutMs = 30_000
/** Patience with the services of a plant that was killed: their drain, and the closing of what they stand on, ms. */
const leftoverTimeoutMs = 20_000
/** How long a question to the plant's services is repeated while they are started again, ms. */
const callPatienceMs = 60_000

/** Most that the plant's own broker keeps of one partition, bytes; crops have twelve. */
const ownPartitionBytes = 256 * 1024 * 1024

/** Which service answers what the plant itself asks. */
const homes: readonly (readonly [DescService, ServiceName])[] = [
  [LotService, 'analytics'],
  [AlertService, 'analytics'],
  [RegistryService, 'analytics'],
  [CameraGatewayService, 'camera-gateway'],
]

/**
 * Starts every service as a process of its own (gateway and segmentation in one, where the options say so), on a broker and
 * a database that are started as well or were given, and keeps them running. Resolves once all take work.
 */
export async function composeProcesses(
  options: PlantOptions,
  signal: AbortSignal,
  hooks: PlantHooks,
): Promise<PlantServices> {
  // What is wrong with the command is said before anything is started.
  const models = readReleasedModels(options.modelsDir)
  await loadCalibrations(options.calibrations.map(parseCalibration))
  if (options.brokers.length > 0) parseGivenBrokers(options.brokers)
  if (options.postgres !== undefined) parseGivenDatabase(options.postgres)
  const folder = await openPlantFolder({ directory: options.ephemeral ? undefined : options.dataDir })
  const logger = createLogger({ service: 'plant', level: options.logLevel })
  const clock = systemClock
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  const closing = new AbortController()
  const processes = listProcesses(options.intake)
  const supervised = new Map<ProcessName, Supervised>()
  let released = false
  const release = () => {
    released = true
    return folder.release()
  }
  const opened: (() => Promise<void> | void)[] = [release]

  /** Ends everything in the order of the product's flow, whatever fails on the way; then throws what failed. */
  const end = async (timeoutMs: number) => {
    closing.abort(new PelletlineError('cancelled', 'The plant is ending.'))
    const failures: unknown[] = []
    const stops = processes.map(
      ({ name }) =>
        () =>
          supervised.get(name)?.stop(timeoutMs),
    )
    for (const close of [...stops, ...opened.reverse()]) {
      try {
        await close()
      } catch (reason) {
        failures.push(reason)
      }
    }
    throwFailures(failures)
  }

  try {
    await endLeftovers({
      configFolder: folder.config,
      patienceMs: leftoverTimeoutMs,
      clock,
      report: hooks.report,
      signal,
    })
    const { listen, cameras, metrics } = await chooseAddresses(options)
    const provide: ProvideOptions = { ...hooks, clock, logger, onFailed: failed.reject }
    // A temporary folder is the plant's, which goes as a whole.
    const kept = { ...options, ephemeral: false, dataDir: folder.path }
    const [broker, database] = await Promise.allSettled([
      provideBus(options.brokers, folder.kafka, folder.logOf('broker'), provide),
      provideDatabase(kept, provide),
    ])
    // Ended after the services, the database last.
    if (database.status === 'fulfilled') opened.push(() => database.value.stop())
    if (broker.status === 'fulfilled') opened.push(() => broker.value.stop())
    if (database.status === 'rejected') throw database.reason
    if (broker.status === 'rejected') throw broker.reason
    if (signal.aborted) throw signal.reason

    const { config: busConfig } = broker.value
    // An own broker lies on a laptop's disk as often as not; one that was given is somebody's, who changes it.
    if (options.brokers.length > 0) await checkTopics(busConfig, { plant: options.plant, logger })
    else
      await applyTopics(busConfig, {
        plant: options.plant,
        logger,
        maxPartitionBytes: ownPartitionBytes,
        folder: folder.kafka,
      })
    const bus = await openBus(busConfig, { plant: options.plant, clientId: 'plant', signal, clock, logger })
    opened.push(() => bus.close())

    const addresses: Record<ServiceName, string> = {
      'camera-gateway': cameras ?? folder.socketOf('camera-gateway'),
      'roi-segmentation': folder.socketOf('roi-segmentation'),
      'student-inference': folder.socketOf('student-inference'),
      'teacher-audit': folder.socketOf('teacher-audit'),
      analytics: listen,
    }
    const configs = createServiceConfigs({
      plant: options.plant,
      bus: busConfig,
      database: database.value.config,
      models,
      options,
      addresses,
      metrics,
    })
    const writeFile = createStateWriter({ file: folder.stateFile, report: hooks.report })
    const writeState = () => {
      // The folder is somebody else's by then, or gone.
      if (released) return
      writeFile({
        plant: options.plant,
        pid: process.pid,
        broker: { addresses: busConfig.brokers, pid: broker.value.pid() ?? null },
        database: { kind: options.database, pid: database.value.pid() ?? null },
        services: Object.fromEntries(
          processes.flatMap(({ name, services }) => {
            const child = supervised.get(name)
            if (child === undefined) return []
            const { pid, starts } = child
            return services.map((service) => [
              service,
              { pid: pid ?? null, starts, address: addresses[service], log: folder.logOf(name) },
            ])
          }),
        ),
      })
    }
    for (const described of processes) {
      const { name, services } = described
      const configFile = folder.configOf(name)
      const logFile = folder.logOf(name)
      await writeFileAtomically(configFile, [`${JSON.stringify(configOfProcess(configs, described), null, 2)}\n`])
      const child = supervise({
        name,
        logFile,
        start: () => startServiceProcess({ name, configFile, logFile }),
        untilReady: async (life) => {
          for (const service of services) await untilHealthy(addresses[service], life)
        },
        clock,
        report: hooks.report,
        // The first process starts before the supervisor is known.
        onChanged: () => setImmediate(writeState),
      })
      supervised.set(name, child)
      hooks.onKill(() => child.kill())
      child.failed.catch(failed.reject)
    }
    await untilAllReady(supervised, failed.promise, signal, hooks.report)

    const clients = new Map<string, unknown>()
    const client: PlantServices['client'] = (service) => {
      const known = clients.get(service.typeName) as ReturnType<typeof client<typeof service>> | undefined
      if (known !== undefined) return known
      const home = homes.find(([{ typeName }]) => typeName === service.typeName)?.[1]
      if (home === undefined) throw new PelletlineError('internal', `The plant has no ${service.typeName}.`)
      const rpc = createRpcClient(service, { address: addresses[home], maxMessageBytes: stripMaxMessageBytes })
      opened.push(() => rpc.close())
      const patience = { clock, patienceMs: callPatienceMs, signal: closing.signal }
      const patient = createPatientClient(service, rpc, patience)
      clients.set(service.typeName, patient)
      return patient
    }
    const reader = createLineReader({
      registry: createOwnClient(RegistryService),
      lots: createOwnClient(LotService),
      alerts: createOwnClient(AlertService),
      clock,
    })
    return {
      address: listen,
      client,
      lineReport: reader,
      queueFill: createFillReader(bus),
      settleVerdicts: (timeoutMs) => settleStages(bus, judging, timeoutMs, clock),
      settle: (timeoutMs) => settleStages(bus, allStages, timeoutMs, clock),
      failed: failed.promise,
      drain: (timeoutMs) => end(Math.min(timeoutMs, stopTimeoutMs)),
    }

    /** A client that says at once when analytics cannot be reached. */
    function createOwnClient<S extends DescService>(service: S) {
      const rpc = createRpcClient(service, { address: addresses.analytics })
      opened.push(() => rpc.close())
      return rpc
    }
  } catch (reason) {
    // Why the start failed says more than what fails after it.
    await end(signal.aborted ? stopTimeoutMs : 0).catch(() => undefined)
    throw reason
  }
}

/** Resolves once a server is healthy; rejects on abort. */
async function untilHealthy(address: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await checkHealth(address, { signal })
    } catch {
      await systemClock.sleep(200, signal)
    }
  }
}

async function untilAllReady(
  supervised: ReadonlyMap<ProcessName, Supervised>,
  failed: Promise<never>,
  signal: AbortSignal,
  report: PlantHooks['report'],
): Promise<void> {
  const waiting = new Set(supervised.keys())
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  const all = Promise.all([...supervised].map(([name, { ready }]) => ready.then(() => waiting.delete(name))))
  const over = Promise.race([all, failed, aborted.promise])
  const deadline = systemClock.now() + readyTimeoutMs
  try {
    while (!(await withinTime(over, sayWaitingMs, systemClock))) {
      const text = `${[...waiting].join(', ')} not ready yet`
      if (systemClock.now() > deadline) {
        throw new PelletlineError('deadline_exceeded', `After ${readyTimeoutMs / 1000} s: ${text}; see their logs.`)
      }
      report(`${text}; their logs say what they wait for`)
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    aborted.promise.catch(() => undefined)
  }
}

/** Reads how full the queue before the student is; while the broker cannot be asked, the last answer stands. */
function createFillReader(bus: Bus): () => Promise<number> {
  let last = 0
  return async () => {
    try {
      last = (await bus.lag(topics.crops.name, studentGroup)).fill
    } catch (reason) {
      if (!PelletlineError.from(reason).retryable) throw reason
    }
    return last
  }
}
