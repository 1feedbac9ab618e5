import { z } from 'zod'
import { defaultPlantName, nameSchema } from '../shared/config/name-schema.ts'
import { stripMaxMessageBytes } from '../shared/rpc/channel-options.ts'
import { telemetryConfigSchema } from '../shared/telemetry/telemetry-config.ts'
import { defaultSpeckDemand } from '../shared/vision/smallest-speck.ts'

/** Options of the gateway; every one has a default. */
export const cameraGatewayOptionsSchema = z.strictObject({
  /** Most strips of a line that may be in flight: received and not yet durable. Bounds the memory of a line, with maxBytesPerLine. */
  creditLimit: z.int().min(2).max(1024).default(16),
  /** Most bytes of pixels of those strips; a strip beyond waits unread behind them, a larger one until none is in flight. */
  maxBytesPerLine: z.int().min(1).max(1_099_511_627_776).default(268_435_456),
  /** Most lines. */
  maxLines: z.int().min(1).max(1024).default(64),
  /** Strips over which the threshold follows the light: about this many strips back count. */
  lightMemoryStrips: z.number().min(1).max(100_000).default(64),
  /** Single pellets over which the median area is taken. */
  areaWindow: z.int().min(16).max(100_000).default(2048),
  /** Pellets seen before the median replaces the recipe's nominal area. */
  areaMinSamples: z.int().min(1).max(100_000).default(200),
  /** Gray of the product, 8 bit, for which the smallest speck is stated. */
  speckProductGray: z.number().min(16).max(255).default(defaultSpeckDemand.productGray),
  /** Pellets without a speck on which noise may be taken for one, of a million. */
  speckFalseCallsPerMillion: z.number().min(0.001).max(100_000).default(defaultSpeckDemand.falseCallsPerMillion),
  /** First pause before a call to another service is repeated, ms; it doubles up to retryMaxMs. */
  retryFirstMs: z.number().min(1).max(60_000).default(100),
  retryMaxMs: z.number().min(1).max(600_000).default(5000),
  /**
   * How long strips whose stamps the camera side has not been told wait for it to come back after its stream has broken, ms; then they
   * are segmented all the same.
   */
  untoldWaitMs: z.number().min(0).max(600_000).default(10_000),
})

export type CameraGatewayOptions = z.infer<typeof cameraGatewayOptionsSchema>

/** The calibration of one camera of one line. */
const calibrationSchema = z.strictObject({
  line: nameSchema,
  camera: nameSchema,
  /** `NAME.calibration.json` of `pelletline calibrate`. */
  file: z.string().min(1),
})

export type CalibrationEntry = z.infer<typeof calibrationSchema>

/** Configuration file of the service when it runs alone. */
export const cameraGatewayConfigSchema = z.strictObject({
  /** Name of the plant, part of every strip's name. */
  plant: nameSchema.default(defaultPlantName),
  /** `HOST:PORT` or `unix:PATH`. */
  listen: z.string().min(1).default('127.0.0.1:7401'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  telemetry: telemetryConfigSchema,
  /** Address of roi-segmentation, `HOST:PORT` or `unix:PATH`. */
  segmentationAddress: z.string().min(1).default('127.0.0.1:7402'),
  /** Address of the registry (analytics). */
  registryAddress: z.string().min(1).default('127.0.0.1:7405'),
  /** How long a drain waits for strips in flight, ms. */
  drainTimeoutMs: z.int().min(0).max(600_000).default(10_000),
  /** Largest message taken: a strip, bytes. */
  maxMessageBytes: z.int().min(65_536).max(1_073_741_824).default(stripMaxMessageBytes),
  /** Calibrations of cameras; pixels of a camera without one are taken as they are. */
  calibrations: z.array(calibrationSchema).max(1024).default([]),
  /** How strips are kept and sent to segmentation: `sparse` leaves out the bed where that is fewer bytes. */
  strips: z.enum(['sparse', 'dense']).default('sparse'),
  gateway: cameraGatewayOptionsSchema.prefault({}),
})

export type CameraGatewayConfig = z.infer<typeof cameraGatewayConfigSchema>
