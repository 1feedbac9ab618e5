import { z } from 'zod'
import { analyticsConfigSchema } from '../../services/analytics/config.ts'
import { cameraGatewayConfigSchema } from '../../services/camera-gateway/config.ts'
import { lineSimulatorConfigSchema } from '../../services/line-simulator/config.ts'
import { roiSegmentationConfigSchema } from '../../services/roi-segmentation/config.ts'
import { kafkaConfigSchema } from '../../services/shared/bus/bus-config.ts'
import { telemetryConfigSchema } from '../../services/shared/telemetry/telemetry-config.ts'
import { studentInferenceConfigSchema } from '../../services/student-inference/config.ts'
import { teacherAuditConfigSchema } from '../../services/teacher-audit/config.ts'

/** A JSON schema, as far as it is looked into here; `false` lets nothing through. */
type JsonSchema = boolean | { readonly [key: string]: unknown }

interface Part {
  /** Name of its definition in the schema of values. */
  readonly name: string
  readonly schema: z.ZodType
  /** Keys that the chart decides, which values may not set; `a.b` is b within a. */
  readonly decided: readonly string[]
}

const everywhere = ['plant', 'listen', 'logLevel', 'drainTimeoutMs', 'telemetry']

const parts: readonly Part[] = [
  { name: 'kafkaOptions', schema: kafkaConfigSchema, decided: ['kind', 'brokers', 'client', 'tls', 'sasl'] },
  { name: 'telemetryOptions', schema: telemetryConfigSchema, decided: ['otlpEndpoint', 'prometheusListen'] },
  {
    name: 'cameraGatewayConfig',
    schema: cameraGatewayConfigSchema,
    decided: [...everywhere, 'segmentationAddress', 'registryAddress', 'calibrations', 'gateway.maxLines'],
  },
  { name: 'roiSegmentationConfig', schema: roiSegmentationConfigSchema, decided: [...everywhere, 'bus'] },
  {
    name: 'studentInferenceConfig',
    schema: studentInferenceConfigSchema,
    decided: [...everywhere, 'bus', 'restListen', 'registryAddress', 'student.modelPath'],
  },
  {
    name: 'teacherAuditConfig',
    schema: teacherAuditConfigSchema,
    decided: [...everywhere, 'bus', 'teachers.modelPaths'],
  },
  { name: 'analyticsConfig', schema: analyticsConfigSchema, decided: [...everywhere, 'bus', 'database', 'modelPaths'] },
  {
    name: 'lineSimulatorConfig',
    schema: lineSimulatorConfigSchema,
    decided: ['logLevel', 'drainTimeoutMs', 'gatewayAddress', 'line'],
  },
]

/** Without what differs from machine to machine: defaults by the number of cores. */
function withoutDefaults(node: unknown, isSchema = true): unknown {
  if (Array.isArray(node)) return node.map((inner) => withoutDefaults(inner))
  if (typeof node !== 'object' || node === null) return node
  const kept = Object.entries(node).filter(([key]) => !isSchema || (key !== 'default' && key !== '$schema'))
  // Below `properties` keys are names, not words of JSON schema.
  return Object.fromEntries(
    kept.map(([key, value]) => [key, withoutDefaults(value, !(isSchema && key === 'properties'))]),
  )
}

/** Refuses the keys that the chart decides, each by its path, and asks for none of them. */
function refuseDecided(schema: JsonSchema, decided: readonly string[]): JsonSchema {
  if (typeof schema === 'boolean') return schema
  const properties: Record<string, JsonSchema> = { ...(schema['properties'] as Record<string, JsonSchema>) }
  for (const path of decided) {
    const [key = '', ...rest] = path.split('.')
    const inner = properties[key]
    if (rest.length === 0) properties[key] = false
    else if (inner !== undefined) properties[key] = refuseDecided(inner, [rest.join('.')])
  }
  const { required: _, ...others } = schema
  return { ...others, properties }
}

/**
 * The schema of the chart's values with the `config` of every service as its own configuration file has it, so that Helm
 * refuses what the service would refuse, before anything is changed. Takes the schema as it is in the file.
 */
export function withServiceConfigs(schema: { readonly $defs: object }): object {
  const definitions = parts.map(({ name, schema: part, decided }) => {
    const whole = withoutDefaults(z.toJSONSchema(part, { io: 'input', unrepresentable: 'any' })) as JsonSchema
    return [name, refuseDecided(whole, decided)] as const
  })
  return { ...schema, $defs: { ...schema.$defs, ...Object.fromEntries(definitions) } }
}
