import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeModel } from '../../shared/onnx/onnx-proto.ts'
import { buildInferenceModel } from '../export/build-inference-model.ts'
import { countMultiplyAdds, countParameters } from '../networks/count-costs.ts'
import { createNetwork, type NetworkName } from '../networks/create-network.ts'
import type { TrainedModelInput } from '../report/build/report-input.ts'
import type { ModelRole } from '../report/experiment-report.ts'
import { gatherParameters, initialState } from '../training/training-session.ts'

export interface RandomModelOptions {
  readonly folder: string
  readonly id: string
  readonly role: ModelRole
  readonly network: NetworkName
  readonly seed: number
  readonly precisions?: readonly ('float32' | 'float16')[]
}

/** A small network as it starts, exported to files; its judgements are those of its seed. */
export async function writeRandomModel(options: RandomModelOptions): Promise<TrainedModelInput> {
  const { folder, id, role, seed, precisions = ['float32'] } = options
  const network = createNetwork(options.network, { widths: [8, 8, 8, 8] })
  const parameters = gatherParameters(network, initialState(network, seed))
  const files = []
  for (const precision of precisions) {
    const path = join(folder, `${id}-${precision}.onnx`)
    const standardisation = { mean: 60, deviation: 80 }
    await writeFile(
      path,
      encodeModel(buildInferenceModel(network, parameters, { standardisation, exportAs: precision })),
    )
    files.push({ precision, path })
  }
  const epoch = { epoch: 1, loss: 0.7, accuracy: 0.5, valLoss: 0.7, valAccuracy: 0.5, rate: 1e-4, seconds: 1 }
  return {
    id,
    label: id,
    role,
    seed,
    costs: { parameters: countParameters(network), multiplyAdds: countMultiplyAdds(network) },
    files: [files[0]!, ...files.slice(1)],
    history: [epoch],
    keptEpoch: 1,
    trainingSeconds: 1,
  }
}
