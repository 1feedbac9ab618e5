import { z } from 'zod'
import { nameSchema } from '../shared/config/name-schema.ts'
import { stripMaxMessageBytes } from '../shared/rpc/channel-options.ts'
import { lineGiveUpAfterMs } from './live/stream-line.ts'

/** Configuration file of the simulator when it streams a line to a gateway. */
export const lineSimulatorConfigSchema = z.strictObject({
  /** Address of the camera gateway, `HOST:PORT` or `unix:PATH`. */
  gatewayAddress: z.string().min(1).default('127.0.0.1:7401'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  line: nameSchema.default('line-1'),
  camera: nameSchema.default('camera-1'),
  /** Name of the run; by the time of the start where absent, since a run cannot be begun twice. */
  run: nameSchema.optional(),
  /** Seed of the product: the same settings, seed and faults give the same bytes. */
  seed: z.int().min(0).max(4_294_967_295).default(1),
  /** Seconds of the belt after which the run ends, and the simulator with it; until it is told to end where absent. */
  seconds: z.number().gt(0).max(31_536_000).optional(),
  /** Faults as NAME@SECONDS, e.g. product-darkens@5s. */
  faults: z.array(z.string().min(1)).default([]),
  /** Times real time; 0 as fast as the gateway takes strips. */
  speed: z.number().min(0).max(1_000_000).default(1),
  /** What differs from the default line, keys as in `settings.ts`, which checks them: {preset: wide, specks: {prevalence: 0.001}}. */
  settings: z.record(z.string(), z.unknown()).prefault({}),
  /** Largest message sent: a strip, bytes. */
  maxMessageBytes: z.int().min(65_536).max(1_073_741_824).default(stripMaxMessageBytes),
  /** How long the run goes on without an acknowledgement from a gateway that is away, ms; then it is given up. */
  giveUpAfterMs: z.int().min(0).max(86_400_000).default(lineGiveUpAfterMs),
  /** How long a drain waits for the gateway to take the end of the run, ms. */
  drainTimeoutMs: z.int().min(0).max(600_000).default(10_000),
})

export type LineSimulatorConfig = z.output<typeof lineSimulatorConfigSchema>
