import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportModel } from '../../../services/distillation/export/export-model.ts'
import { countMultiplyAdds, countParameters, createNetwork } from '../../../services/distillation/index.ts'
import { gatherParameters, initialState } from '../../../services/distillation/training/training-session.ts'
import { cropSide, cropVersion } from '../../../services/shared/inspection/crop.ts'
import {
  type ModelManifest,
  manifestFormatVersion,
  modelSignature,
  writeModelManifest,
} from '../../../services/shared/onnx/model-manifest.ts'

/** An ONNX file of the student's architecture. */
export interface BenchModel {
  readonly id: string
  readonly modelPath: string
  readonly sha256: string
  readonly parameters: number
  readonly multiplyAdds: number
}

const seed = 1
const standardisation = { mean: 40, deviation: 60 }

/**
 * Writes the student's network with drawn weights, all float32, into `folder`, with a manifest beside it: what a crop costs does
 * not depend on what the weights are. Same program, same bytes.
 */
export async function writeBenchModel(folder: string): Promise<BenchModel> {
  const network = createNetwork('student')
  const parameters = gatherParameters(network, initialState(network, seed))
  const bytes = await exportModel({ network, parameters, standardisation, precision: 'float32' })
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const model: BenchModel = {
    id: 'student-drawn-fp32',
    modelPath: join(folder, 'student-drawn-fp32.onnx'),
    sha256,
    parameters: countParameters(network),
    multiplyAdds: countMultiplyAdds(network),
  }
  const none = createHash('sha256').digest('hex')
  const manifest: ModelManifest = {
    formatVersion: manifestFormatVersion,
    id: model.id,
    sha256,
    kind: 'student',
    architecture: network.name,
    precision: 'float32',
    input: { ...modelSignature.input, shape: [null, 1, cropSide, cropSide], cropVersion },
    output: { ...modelSignature.output, shape: [null, 2] },
    classes: [...modelSignature.classes],
    standardisation,
    distillationTemperature: 1,
    threshold: 0,
    metrics: {},
    parameters: model.parameters,
    multiplyAdds: model.multiplyAdds,
    lineage: {
      dataSource: 'none: drawn weights, for measuring speed only',
      dataDigest: { train: none, val: none, test: none },
      seed,
      options: {},
      commit: 'unknown',
      createdAt: new Date(0).toISOString(),
    },
  }
  await writeFile(model.modelPath, bytes)
  await writeModelManifest(model.modelPath, manifest)
  return model
}
