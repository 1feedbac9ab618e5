import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { CropSplits } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { writeFileAtomically } from '../../shared/files/write-file-atomically.ts'
import { createGraphWorker, type GraphWorker } from '../../shared/onnx/graph-worker.ts'
import {
  type ModelManifest,
  type ModelPrecision,
  manifestPath,
  writeModelManifest,
} from '../../shared/onnx/model-manifest.ts'
import { measureServed, type ServedFigures } from '../evaluation/measure-served.ts'
import type { Network } from '../networks/network.ts'
import type { ThresholdRule } from '../training/train-config.ts'
import type { Standardisation } from '../training/train-graph.ts'
import { checkInt8Loss } from './check-int8-loss.ts'
import { describeModel, type ModelLineage } from './describe-model.ts'
import { exportModel } from './export-model.ts'

export interface ExportVariantsOptions {
  /** Name of the first file; the others' add their precision. */
  readonly id: string
  readonly network: Network
  /** The whole parameters by name. */
  readonly parameters: ReadonlyMap<string, Float32Array>
  readonly standardisation: Standardisation
  /** At least one, each once: the first is the main file. */
  readonly precisions: readonly ModelPrecision[]
  /** The training part calibrates int8, validation chooses each threshold, test measures. */
  readonly splits: CropSplits
  readonly threshold: ThresholdRule
  /** Speck diameter, px of the crop, from which a miss counts as an escape. */
  readonly smallestSpeckPx: number
  /** Default 1: trained on labels alone. */
  readonly distillationTemperature?: number | undefined
  readonly lineage: ModelLineage
  /** Percentage points of test accuracy that int8 may lose against float32; default 0.3. */
  readonly maxInt8Loss?: number | undefined
  /** Release int8 whatever it loses. */
  readonly allowInt8Loss?: boolean | undefined
  /** Takes the refusal of int8 where it shall not stop what comes after; that of a first file is thrown all the same. */
  readonly onRefused?: ((refusal: PelletlineError) => void) | undefined
  /** Must exist. */
  readonly outDir: string
  readonly threads?: number | undefined
  /** Let threads wait for work in a loop; default true. */
  readonly spinning?: boolean | undefined
  readonly onWritten?: ((path: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ExportedModel {
  readonly precision: ModelPrecision
  readonly modelPath: string
  readonly manifestPath: string
  readonly manifest: ModelManifest
}

/** Id, and with it the file's name, of a model in its precisions: `ID` for the first, `ID-int8` and the like for others. */
export function variantId(id: string, precision: ModelPrecision, first: boolean): string {
  return first ? id : `${id}-${suffixes[precision]}`
}

const suffixes: Readonly<Record<ModelPrecision, string>> = {
  float32: 'float32',
  float16: 'float16',
  int8: 'int8',
  int8Weights: 'int8-weights',
}

/**
 * Writes a trained network in each precision, `ID.onnx` and `ID-PRECISION.onnx` with a manifest beside each: threshold and
 * figures are those of the very file. `failed_precondition` where int8 loses too much accuracy and is the first file, or
 * `onRefused` is not given: every other file has been written by then. `invalid_argument` where the precisions are none or double; otherwise errors
 * as of `exportModel` and `measureServed`.
 */
export async function exportVariants(options: ExportVariantsOptions): Promise<readonly ExportedModel[]> {
  const { precisions, allowInt8Loss = false, threads, spinning = true } = options
  if (precisions.length === 0 || new Set(precisions).size < precisions.length) {
    throw new PelletlineError(
      'invalid_argument',
      `a model is exported as [${precisions.join(', ')}]: name at least one precision, and each once`,
    )
  }
  const worker = createGraphWorker({ spinning, ...(threads !== undefined && { threads }) })
  try {
    const measured = new Map<ModelPrecision, Measured>()
    for (const precision of precisions) measured.set(precision, await measureVariant(worker, options, precision))
    const refusal = allowInt8Loss ? undefined : await findRefusal(worker, options, measured)
    const written: ExportedModel[] = []
    for (const [precision, variant] of measured) {
      if (precision === 'int8' && refusal !== undefined) continue
      written.push(await writeVariant(options, precision, variant))
    }
    if (refusal !== undefined) {
      await removeInt8(options)
      // Without its first file nothing stands for the network: who goes on regardless would look for it in vain.
      if (options.onRefused === undefined || precisions[0] === 'int8') throw refusal
      options.onRefused(refusal)
    }
    return written
  } finally {
    await worker.close()
  }
}

interface Measured {
  readonly bytes: Uint8Array
  readonly figures: ServedFigures
}

async function measureVariant(
  worker: GraphWorker,
  options: ExportVariantsOptions,
  precision: ModelPrecision,
): Promise<Measured> {
  const { network, parameters, standardisation, splits, threshold, smallestSpeckPx, signal } = options
  const calibration = { worker, crops: splits.train, signal }
  const bytes = await exportModel({ network, parameters, standardisation, precision, calibration })
  return { bytes, figures: await measureServed(worker, bytes, { splits, threshold, smallestSpeckPx, signal }) }
}

/** What speaks against releasing the int8 model, where there is one. */
async function findRefusal(
  worker: GraphWorker,
  options: ExportVariantsOptions,
  measured: ReadonlyMap<ModelPrecision, Measured>,
): Promise<PelletlineError | undefined> {
  const int8 = measured.get('int8')
  if (int8 === undefined) return undefined
  const float32 = measured.get('float32') ?? (await measureVariant(worker, options, 'float32'))
  try {
    checkInt8Loss({
      id: variantId(options.id, 'int8', options.precisions[0] === 'int8'),
      float32: float32.figures.test,
      int8: int8.figures.test,
      maxLoss: options.maxInt8Loss,
    })
    return undefined
  } catch (reason) {
    return PelletlineError.from(reason)
  }
}

/** A refused file of an earlier export must not stay beside the others: it would be taken for theirs. */
async function removeInt8({ id, precisions, outDir }: ExportVariantsOptions): Promise<void> {
  const path = join(outDir, `${variantId(id, 'int8', precisions[0] === 'int8')}.onnx`)
  for (const file of [path, manifestPath(path)]) await rm(file, { force: true })
}

async function writeVariant(
  options: ExportVariantsOptions,
  precision: ModelPrecision,
  { bytes, figures }: Measured,
): Promise<ExportedModel> {
  const { network, standardisation, distillationTemperature = 1, splits, lineage, outDir, onWritten } = options
  const id = variantId(options.id, precision, options.precisions[0] === precision)
  const manifest = await describeModel({
    id,
    network,
    precision,
    bytes,
    standardisation,
    distillationTemperature,
    figures,
    splits,
    lineage,
  })
  const modelPath = join(outDir, `${id}.onnx`)
  await writeFileAtomically(modelPath, [bytes])
  onWritten?.(modelPath)
  const described = await writeModelManifest(modelPath, manifest)
  onWritten?.(described)
  return { precision, modelPath, manifestPath: described, manifest }
}
