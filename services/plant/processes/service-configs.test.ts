import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { busConfigSchema } from '../../shared/bus/bus-config.ts'
import { databaseConfigSchema } from '../../shared/store/database-config.ts'
import { defaultPlantOptions } from '../options.ts'
import { createServiceConfigs } from './service-configs.ts'

const socket = 'unix:/run/pelletline/service.sock'
const defaults = defaultPlantOptions(fileURLToPath(new URL('../../..', import.meta.url)))

function configsOf(options: Partial<typeof defaults>) {
  return createServiceConfigs({
    plant: 'plant-1',
    bus: busConfigSchema.parse({ kind: 'kafka', brokers: ['127.0.0.1:9092'] }),
    database: databaseConfigSchema.parse(undefined),
    models: { student: '/models/student-1.onnx', teachers: ['/models/teacher-1.onnx'] },
    options: { ...defaults, ...options },
    addresses: {
      'camera-gateway': socket,
      'roi-segmentation': socket,
      'student-inference': socket,
      'teacher-audit': socket,
      analytics: socket,
    },
    metrics: undefined,
  })
}

/** Where analytics looks for manifests. */
const lookedInto = (configs: ReturnType<typeof configsOf>) => {
  const { modelPaths, modelsDir } = configs.analytics as { modelPaths: string[]; modelsDir?: string }
  return { modelPaths, modelsDir }
}

test('analytics looks for calibrations in the folder from which students load what is promoted', () => {
  const configs = configsOf({ modelsDir: '/models' })
  const modelPaths = ['/models/student-1.onnx', '/models']
  assert.deepEqual(lookedInto(configs), { modelPaths, modelsDir: undefined })
  const { student } = configs['student-inference'] as { student: { modelPath: string } }
  assert.ok(student.modelPath.startsWith('/models/'))
})

test('analytics and students look into the bucket where there is one, and analytics into the folder of the released models too', () => {
  const { modelsDir, modelStore } = { modelsDir: '/models', modelStore: 's3://plant-1/models' }
  const configs = configsOf({ modelsDir, modelStore })
  const student = configs['student-inference'] as { student: { modelPath: string; models: { folder: string } } }
  assert.deepEqual([student.student.modelPath, student.student.models.folder], ['/models/student-1.onnx', modelStore])
  assert.deepEqual(lookedInto(configs), { modelPaths: ['/models/student-1.onnx', '/models'], modelsDir: modelStore })
})
