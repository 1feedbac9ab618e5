import { join } from 'node:path'
import type { CropSplits } from '../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { makeFolder } from '../shared/files/make-folder.ts'
import { removeLeftovers } from '../shared/files/remove-leftovers.ts'
import { writeFileAtomically } from '../shared/files/write-file-atomically.ts'
import { renderSvgAsPng } from '../shared/images/render-svg.ts'
import { loadModel } from '../shared/onnx/load-model.ts'
import type { ModelManifest } from '../shared/onnx/model-manifest.ts'
import { type ExportedModel, exportVariants } from './export/export-variants.ts'
import { createNetwork, type NetworkName } from './networks/create-network.ts'
import type { Network } from './networks/network.ts'
import { drawCurves, formatHistoryCsv } from './report/draw-curves.ts'
import { checkSplits } from './training/check-splits.ts'
import type { EpochRecord } from './training/checkpoint.ts'
import { type FitResult, fitNetwork } from './training/fit-network.ts'
import type { SoftTargets } from './training/soft-targets.ts'
import { parseTrainConfig, type TrainConfigInput } from './training/train-config.ts'
import type { OnTrainingEvent } from './training/training-events.ts'
import { gatherParameters } from './training/training-session.ts'

/** A model that taught, as a student's manifest names it. */
export interface TeacherRecord {
  readonly id: string
  readonly sha256: string
  readonly architecture: string
}

export interface TrainNetworkOptions {
  readonly network: NetworkName
  readonly splits: CropSplits
  /** Checked here: `invalid_argument` names unknown keys and wrong values. */
  readonly config?: TrainConfigInput
  /** Made where it is missing. */
  readonly outDir: string
  /** Go on from the folder's last checkpoint where there is one; default false: such a folder is refused. */
  readonly resume?: boolean
  /** What the teachers say; needed where the configuration distils. */
  readonly softTargets?: SoftTargets | undefined
  /** Who they are, for the lineage. */
  readonly teachers?: readonly TeacherRecord[] | undefined
  /** 1 for each training crop whose label may be used; default: all. */
  readonly labelled?: Uint8Array | undefined
  /** Takes the refusal of int8 that is not the first file; default: it is thrown, after the other files have been written. */
  readonly onRefused?: ((refusal: PelletlineError) => void) | undefined
  /** Commit of the program for the lineage; default: asked of git. */
  readonly commit?: string | undefined
  readonly onProgress?: OnTrainingEvent
  readonly signal?: AbortSignal | undefined
}

export interface TrainedNetwork {
  /** `ID.onnx` in the output folder. */
  readonly modelPath: string
  readonly manifestPath: string
  readonly manifest: ModelManifest
  /** The model in every precision asked for, the one above first; int8 is missing where it was refused. */
  readonly files: readonly ExportedModel[]
  /** `curves.csv`, `curves.svg` and `curves.png`. */
  readonly curves: { readonly csv: string; readonly svg: string; readonly png: string }
  readonly history: readonly EpochRecord[]
  /** Number of the epoch that was exported. */
  readonly keptEpoch: number
}

/**
 * Trains a network from labelled crops to a model that can be served: fit, export in every precision asked for (threshold on
 * the validation part, figures of the served file on validation and test, manifest), curves. Errors as for `fitNetwork` and
 * `exportVariants`; `cancelled` on abort, after which `resume` goes on from the last checkpoint.
 */
export async function trainNetwork(options: TrainNetworkOptions): Promise<TrainedNetwork> {
  const { splits, outDir, signal, resume = false, softTargets, teachers, labelled } = options
  const onEvent = options.onProgress ?? (() => {})
  const config = parseTrainConfig(options.config)
  const network = createNetwork(options.network, config)
  checkSplits(splits, config)
  await makeFolder(outDir)
  // A run that was killed while it wrote a checkpoint has left it half, hundreds of MB of it.
  await removeLeftovers(outDir)
  try {
    // 1. Fit.
    const start =
      config.startFrom === undefined ? undefined : await readStart(config.startFrom, network, splits, signal)
    const fitting = { network, splits, config, outDir, resume, softTargets, labelled, start, onEvent, signal }
    const fit = await fitNetwork(fitting)
    // 2. The kept epoch in every precision: threshold, figures and manifest of each file as it is served.
    const keptEpoch = fit.best.header.bestEpoch
    const files = await exportVariants({
      id: config.id ?? network.name,
      network,
      parameters: gatherParameters(network, fit.best.tensors),
      standardisation: fit.standardisation,
      precisions: config.exportAs,
      splits,
      threshold: config.threshold,
      smallestSpeckPx: config.smallestSpeckPx,
      distillationTemperature: config.distillation?.temperature,
      lineage: {
        seed: config.seed,
        options: {
          ...config,
          keptEpoch,
          ...(teachers && { teachers }),
          ...(start && { startedFrom: { id: start.id, sha256: start.sha256 } }),
        },
        commit: options.commit,
      },
      maxInt8Loss: config.maxInt8Loss,
      allowInt8Loss: config.allowInt8Loss,
      onRefused: options.onRefused,
      outDir,
      threads: config.threads,
      spinning: config.spinning,
      onWritten: (path) => onEvent({ kind: 'written', path }),
      signal,
    })
    const { modelPath, manifestPath, manifest } = files[0]!
    // 3. Curves.
    const curves = await writeCurves(outDir, `${manifest.id}: ${splits.train.source}`, fit)
    for (const path of Object.values(curves)) onEvent({ kind: 'written', path })
    return { modelPath, manifestPath, manifest, files, curves, history: fit.history, keptEpoch }
  } catch (reason) {
    if (signal?.aborted) {
      throw new PelletlineError(
        'cancelled',
        `the training in ${outDir} was stopped: the same command goes on from its last checkpoint`,
        {
          cause: reason,
        },
      )
    }
    throw PelletlineError.from(reason)
  }
}

/**
 * Reads the model that a training starts from; errors as of `loadModel`. `failed_precondition` where it is of another
 * network, or was trained on the crops that the new one is judged by.
 */
async function readStart(path: string, network: Network, { val, test }: CropSplits, signal: AbortSignal | undefined) {
  const { manifest, bytes } = await loadModel(path, { signal })
  const { id, sha256, standardisation, architecture } = manifest
  const refuse = (what: string) =>
    new PelletlineError('failed_precondition', `${path} ${what}: start from another model`)
  if (architecture !== network.name) throw refuse(`is a ${architecture}, and a ${network.name} is to be trained`)
  const { train } = manifest.lineage.dataDigest
  if (train === val.digest) throw refuse(`was trained on what is the validation part here (digest ${train})`)
  if (train === test.digest) throw refuse(`was trained on what is the test part here (digest ${train})`)
  return { path, id, sha256, standardisation, bytes: Uint8Array.from(new Uint8Array(bytes)) }
}

async function writeCurves(outDir: string, title: string, { history, best }: FitResult) {
  const curves = { csv: join(outDir, 'curves.csv'), svg: join(outDir, 'curves.svg'), png: join(outDir, 'curves.png') }
  const svg = await drawCurves(title, history, best.header.bestEpoch)
  await writeFileAtomically(curves.csv, [formatHistoryCsv(history)])
  await writeFileAtomically(curves.svg, [svg])
  await writeFileAtomically(curves.png, [await renderSvgAsPng(svg)])
  return curves
}
