import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { busConfigSchema } from '../shared/bus/bus-config.ts'
import { defaultPlantName, nameSchema } from '../shared/config/name-schema.ts'
import { stripMaxMessageBytes } from '../shared/rpc/channel-options.ts'
import { telemetryConfigSchema } from '../shared/telemetry/telemetry-config.ts'

/** Options of segmentation; every one has a default. */
export const segmentationOptionsSchema = z.strictObject({
  /** Most worker threads that segment; each run lives in one. */
  workers: z
    .int()
    .min(1)
    .max(64)
    .default(Math.max(1, availableParallelism() - 1)),
  /** Most runs (line and camera) open at once. */
  maxRuns: z.int().min(1).max(1024).default(32),
  /** Strips of one run in work at once: being segmented, or waiting for the bus. */
  stripsInWork: z.int().min(1).max(16).default(3),
  /** Largest strip, pixels: what a sparse strip decodes to, however few its bytes. */
  maxStripPixels: z.int().min(65_536).max(1_073_741_824).default(stripMaxMessageBytes),
  /** A component that spans more rows is oversize. */
  maxPelletRows: z.int().min(16).max(16_384).default(1024),
  /** Pellets beyond this number in one strip are shed, with a count. */
  maxPelletsPerStrip: z.int().min(1).max(1_000_000).default(20_000),
  /** Largest image that SegmentImage takes, pixels. */
  maxImagePixels: z.int().min(256).max(2_000_000_000).default(64_000_000),
  /** Single images that may wait or be in work. */
  maxImages: z.int().min(1).max(1024).default(8),
})

export type SegmentationOptions = z.infer<typeof segmentationOptionsSchema>

/** Configuration file of the service when it runs alone. */
export const roiSegmentationConfigSchema = z.strictObject({
  /** `HOST:PORT` or `unix:PATH`. */
  listen: z.string().min(1).default('127.0.0.1:7402'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  telemetry: telemetryConfigSchema,
  /** Name of the plant, which the topics must belong to. */
  plant: nameSchema.default(defaultPlantName),
  /** Where crops go; with `memory` no further than this service. */
  bus: busConfigSchema,
  /** How long a drain waits for strips in work, ms. */
  drainTimeoutMs: z.int().min(0).max(600_000).default(10_000),
  /** Largest message taken: a strip with its header, bytes. */
  maxMessageBytes: z.int().min(65_536).max(1_073_741_824).default(stripMaxMessageBytes),
  segmentation: segmentationOptionsSchema.prefault({}),
})

export type RoiSegmentationConfig = z.infer<typeof roiSegmentationConfigSchema>
