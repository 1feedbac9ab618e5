/** Starts a service from its configuration file; resolves once it has drained after SIGTERM or SIGINT. */
export type StartService = (configFile: string) => Promise<void>

/** Services that run as processes of their own, in the order in which product flows through them. */
export const serviceStarts = {
  'camera-gateway': async (): Promise<StartService> => (await import('../../camera-gateway/main.ts')).start,
  'roi-segmentation': async (): Promise<StartService> => (await import('../../roi-segmentation/main.ts')).start,
  'student-inference': async (): Promise<StartService> => (await import('../../student-inference/main.ts')).start,
  'teacher-audit': async (): Promise<StartService> => (await import('../../teacher-audit/main.ts')).start,
  analytics: async (): Promise<StartService> => (await import('../../analytics/main.ts')).start,
} as const

export type ServiceName = keyof typeof serviceStarts

/** Their names in that order, which is also the order of a drain: each stage still finds the next one at work. */
export const serviceNames = Object.keys(serviceStarts) as readonly ServiceName[]

/** What can be started as a process: each service, and `camera-intake`, which is gateway and segmentation together. */
export const processStarts = {
  'camera-intake': async (): Promise<StartService> => (await import('../camera-intake/main.ts')).start,
  ...serviceStarts,
} as const

export type ProcessName = keyof typeof processStarts

/** A process of the plant, and the services in it. */
export interface PlantProcess {
  readonly name: ProcessName
  readonly services: readonly ServiceName[]
}

/** The processes of a plant in the order of a drain; gateway and segmentation have one each, or share one. */
export function listProcesses(intake: 'apart' | 'together'): readonly PlantProcess[] {
  const alone = serviceNames.map((name): PlantProcess => ({ name, services: [name] }))
  if (intake === 'apart') return alone
  return [{ name: 'camera-intake', services: ['camera-gateway', 'roi-segmentation'] }, ...alone.slice(2)]
}
