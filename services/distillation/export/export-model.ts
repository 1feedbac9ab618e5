import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { ModelPrecision } from '../../shared/onnx/model-manifest.ts'
import { encodeModel } from '../../shared/onnx/onnx-proto.ts'
import type { Network } from '../networks/network.ts'
import type { Standardisation } from '../training/train-graph.ts'
import { buildInferenceModel } from './build-inference-model.ts'
import { buildQuantisedModel } from './build-quantised-model.ts'
import { type Calibration, calibrateRanges } from './calibrate-ranges.ts'
import { planInference } from './plan-inference.ts'
import { planQuantisation } from './plan-quantisation.ts'

export interface ExportModelOptions {
  readonly network: Network
  /** The whole parameters by name. */
  readonly parameters: ReadonlyMap<string, Float32Array>
  readonly standardisation: Standardisation
  readonly precision: ModelPrecision
  /** What int8 measures its ranges on; the others need none. */
  readonly calibration?: Calibration
}

/**
 * The bytes of the ONNX file that serves a trained network in a precision. Same options, same bytes. `invalid_argument`
 * where int8 has no calibration, otherwise errors as of `calibrateRanges`.
 */
export async function exportModel(options: ExportModelOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { network, parameters, standardisation, precision, calibration } = options
  if (precision !== 'int8') {
    return encodeModel(buildInferenceModel(network, parameters, { standardisation, exportAs: precision }))
  }
  if (calibration === undefined) {
    throw new PelletlineError(
      'invalid_argument',
      `${network.name} cannot be exported as int8 without calibration crops: give the training part`,
    )
  }
  const plan = planQuantisation(planInference(network, parameters))
  const ranges = await calibrateRanges(network, parameters, standardisation, plan.ranged, calibration)
  return encodeModel(buildQuantisedModel(network.name, plan, ranges, standardisation))
}
