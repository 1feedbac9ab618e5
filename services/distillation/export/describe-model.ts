import { createHash } from 'node:crypto'
import type { CropSplits } from '../../shared/dataset/crop-dataset.ts'
import { cropSide, cropVersion } from '../../shared/inspection/crop.ts'
import {
  type ModelManifest,
  type ModelPrecision,
  manifestFormatVersion,
  modelSignature,
} from '../../shared/onnx/model-manifest.ts'
import type { ServedFigures } from '../evaluation/measure-served.ts'
import { countMultiplyAdds, countParameters } from '../networks/count-costs.ts'
import type { Network } from '../networks/network.ts'
import type { Standardisation } from '../training/train-graph.ts'
import { describeCommit } from './describe-commit.ts'

/** Where a model comes from. */
export interface ModelLineage {
  readonly seed: number
  /** Every option of the training. */
  readonly options: Readonly<Record<string, unknown>>
  /** Commit of the program; default: asked of git. */
  readonly commit?: string | undefined
}

export interface ModelDescription {
  readonly id: string
  readonly network: Network
  readonly precision: ModelPrecision
  /** The ONNX file's. */
  readonly bytes: Uint8Array
  readonly standardisation: Standardisation
  /** 1: trained on labels alone. */
  readonly distillationTemperature: number
  readonly figures: ServedFigures
  readonly splits: CropSplits
  readonly lineage: ModelLineage
}

/** The manifest of a model file. */
export async function describeModel(description: ModelDescription): Promise<ModelManifest> {
  const { id, network, precision, bytes, standardisation, distillationTemperature, figures, splits, lineage } =
    description
  return {
    formatVersion: manifestFormatVersion,
    id,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    kind: network.name === 'student' ? 'student' : 'teacher',
    architecture: network.name,
    precision,
    input: { ...modelSignature.input, shape: [null, 1, cropSide, cropSide], cropVersion },
    output: { ...modelSignature.output, shape: [null, 2] },
    classes: [...modelSignature.classes],
    standardisation,
    distillationTemperature,
    threshold: figures.threshold,
    metrics: { validation: figures.validation, test: figures.test },
    parameters: countParameters(network),
    multiplyAdds: countMultiplyAdds(network),
    lineage: {
      dataSource: splits.train.source,
      dataDigest: { train: splits.train.digest, val: splits.val.digest, test: splits.test.digest },
      seed: lineage.seed,
      options: lineage.options,
      commit: lineage.commit ?? (await describeCommit()),
      createdAt: new Date().toISOString(),
    },
  }
}
