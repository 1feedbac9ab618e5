import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { chooseListen } from '../../services/plant/processes/choose-listen.ts'
import { configOfProcess } from '../../services/plant/processes/service-configs.ts'
import { listProcesses, type ProcessName } from '../../services/plant/processes/service-starts.ts'
import { startServiceProcess } from '../../services/plant/processes/start-process.ts'
import { type Supervised, supervise } from '../../services/plant/processes/supervise.ts'
import { checkHealth } from '../../services/shared/rpc/check-health.ts'
import { systemClock } from '../../services/shared/service/clock.ts'

export interface IntakeOptions {
  /** Where configurations, logs and sockets go. */
  readonly folder: string
  readonly intake: 'apart' | 'together'
  /** How gateway and segmentation reach each other where they are apart. */
  readonly wire: 'tcp' | 'unix'
  readonly registryAddress: string
  /** `bus` of segmentation's configuration. */
  readonly bus: object
  /** Options of the gateway and of segmentation that differ from their defaults. */
  readonly gateway?: object
  readonly segmentation?: object
  /** Told when a process died and starts again. */
  readonly report?: (text: string) => void
}

/** Gateway and segmentation as the plant runs them, in two processes or one, kept running. */
export interface IntakeProcesses {
  /** Where the gateway takes cameras, over TCP. */
  readonly cameraAddress: string
  readonly segmentationAddress: string
  readonly processes: ReadonlyMap<ProcessName, Supervised>
  /** Ends them in the plant's order; rejects where one had to be killed. */
  stop(): Promise<void>
}

const stopTimeoutMs = 60_000

/** Starts the processes; resolves once all take work. */
export async function startIntake(options: IntakeOptions): Promise<IntakeProcesses> {
  const { folder, intake, wire, registryAddress, bus, gateway = {}, segmentation = {}, report = () => {} } = options
  const choose = () => chooseListen('127.0.0.1:0', 'listen')
  const cameraAddress = await choose()
  const segmentationAddress = wire === 'tcp' ? await choose() : `unix:${join(folder, `${intake}.sock`)}`
  const common = { plant: 'plant-1', logLevel: 'info' }
  const configs = {
    'camera-gateway': { ...common, listen: cameraAddress, registryAddress, segmentationAddress, gateway },
    'roi-segmentation': { ...common, listen: segmentationAddress, bus, segmentation },
    'student-inference': {},
    'teacher-audit': {},
    analytics: {},
  }
  const addresses: Readonly<Record<string, string>> = {
    'camera-gateway': cameraAddress,
    'roi-segmentation': segmentationAddress,
  }
  const processes = new Map<ProcessName, Supervised>()
  for (const described of listProcesses(intake)) {
    const { name, services } = described
    if (!services.every((service) => addresses[service] !== undefined)) continue
    const configFile = join(folder, `${intake}-${name}.json`)
    const logFile = join(folder, `${intake}-${name}.log`)
    await writeFile(configFile, JSON.stringify(configOfProcess(configs, described)))
    const untilReady = async (life: AbortSignal) => {
      for (const service of services) await untilHealthy(addresses[service]!, life)
    }
    const start = () => startServiceProcess({ name, configFile, logFile })
    processes.set(
      name,
      supervise({ name, logFile, start, untilReady, clock: systemClock, report, onChanged: () => {} }),
    )
  }
  const all = [...processes.values()]
  const stop = async () => {
    for (const child of all) await child.stop(stopTimeoutMs)
  }
  try {
    await Promise.all(all.map(({ ready }) => ready))
  } catch (reason) {
    for (const child of all) child.kill()
    throw reason
  }
  return { cameraAddress, segmentationAddress, processes, stop }
}

async function untilHealthy(address: string, life: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await checkHealth(address, { signal: life })
    } catch {
      await systemClock.sleep(50, life)
    }
  }
}
