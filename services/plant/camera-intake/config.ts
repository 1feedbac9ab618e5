import { z } from 'zod'
import { cameraGatewayConfigSchema } from '../../camera-gateway/config.ts'
import { roiSegmentationConfigSchema } from '../../roi-segmentation/config.ts'

/**
 * Configuration file of the process in which gateway and segmentation run together: what each would have in a file of its own.
 * The gateway's `segmentationAddress` and `strips` are not heeded, since strips never leave the process.
 */
export const cameraIntakeConfigSchema = z
  .strictObject({
    'camera-gateway': cameraGatewayConfigSchema.prefault({}),
    'roi-segmentation': roiSegmentationConfigSchema.prefault({}),
  })
  .superRefine(({ 'camera-gateway': gateway, 'roi-segmentation': segmentation }, context) => {
    if (gateway.plant === segmentation.plant) return
    const message = `valid is: "${gateway.plant}", the plant of camera-gateway`
    context.addIssue({ code: 'custom', path: ['roi-segmentation', 'plant'], message })
  })
  .transform((sections) => ({
    ...sections,
    /** Each drains within its own patience, one after the other, ms. */
    drainTimeoutMs: sections['camera-gateway'].drainTimeoutMs + sections['roi-segmentation'].drainTimeoutMs,
  }))

export type CameraIntakeConfig = z.output<typeof cameraIntakeConfigSchema>
