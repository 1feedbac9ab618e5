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
