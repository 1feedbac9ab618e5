import type { DescService } from '@bufbuild/protobuf'
import type { LineReport } from '../analytics/index.ts'
import type { ServiceClient } from '../shared/rpc/types.ts'

/** The services of a plant, started; whether they run in this process or each in its own, a plant is run by these. */
export interface PlantServices {
  /** gRPC endpoint where the plant answers its users. */
  readonly address: string
  /** A client of one of the services. Throws `internal` for a service that the plant has not. */
  client<S extends DescService>(service: S): ServiceClient<S>
  /** What a line does now; figures are those of the lot in force. */
  lineReport(line: string): Promise<LineReport>
  /** Fill of the queue of crops before the student, 0..1. */
  queueFill(): Promise<number>
  /** Waits until every crop has its verdict, at most `timeoutMs` without progress. */
  settleVerdicts(timeoutMs: number): Promise<void>
  /** Waits until every crop has its verdict, every sampled pellet its audit, and all of it is booked, at most `timeoutMs` without progress. */
  settle(timeoutMs: number): Promise<void>
  /** Rejects, naming it, when a service cannot be kept running; never resolves. */
  readonly failed: Promise<never>
  /** Drains the services in the order of the product's flow and closes what they stand on. */
  drain(timeoutMs: number): Promise<void>
}

/** What a plant tells those who started it. */
export interface PlantHooks {
  /** A sentence for the person who watches: a service died and starts again. */
  readonly report: (text: string) => void
  /** Called with what ends a process of the plant at once, for a second Ctrl-C. */
  readonly onKill: (kill: () => void) => void
}
