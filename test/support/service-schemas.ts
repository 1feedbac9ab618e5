import type { z } from 'zod'
import { analyticsConfigSchema } from '../../services/analytics/config.ts'
import { cameraGatewayConfigSchema } from '../../services/camera-gateway/config.ts'
import { lineSimulatorConfigSchema } from '../../services/line-simulator/config.ts'
import { roiSegmentationConfigSchema } from '../../services/roi-segmentation/config.ts'
import { studentInferenceConfigSchema } from '../../services/student-inference/config.ts'
import { teacherAuditConfigSchema } from '../../services/teacher-audit/config.ts'

/** Schema of each service's configuration file, by the name of the service. */
export const serviceSchemas: Readonly<Record<string, z.ZodObject>> = {
  'camera-gateway': cameraGatewayConfigSchema,
  'roi-segmentation': roiSegmentationConfigSchema,
  'student-inference': studentInferenceConfigSchema,
  'teacher-audit': teacherAuditConfigSchema,
  analytics: analyticsConfigSchema,
  'line-simulator': lineSimulatorConfigSchema,
}
