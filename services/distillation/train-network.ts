import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { CropSplits } from '../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { writeFileAtomically } from '../shared/files/write-file-atomically.ts'
import { renderSvgAsPng } from '../shared/images/render-svg.ts'
import { createGraphWorker } from '../shared/onnx/graph-worker.ts'
import { type ModelManifest, writeModelManifest } from '../shared/onnx/model-manifest.ts'
import { encodeModel } from '../shared/onnx/onnx-proto.ts'
import { measureServed } from './evaluation/measure-served.ts'
import { buildInferenceModel } from './export/build-inference-model.ts'
import { describeModel } from './export/describe-model.ts'
import { createNetwork, type NetworkName } from './networks/create-network.ts'
import { drawCurves, formatHistoryCsv } from './report/draw-curves.ts'
import { checkSplits } from './training/check-splits.ts'
import type { EpochRecord } from './training/checkpoint.ts'
import { type FitResult, fitNetwork } from './training/fit-network.ts'
import type { SoftTargets } from './training/soft-targets.ts'
import { parseTrainConfig, type TrainConfig, type TrainConfigInput } from './training/train-config.ts'
import type { OnTrainingEvent } from './training/training-events.ts'
import { gatherParameters } from './training/training-session.ts'

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
  /** 1 for each training crop whose label may be used; default: all. */
  readonly labelled?: Uint8Array | undefined
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
  /** `curves.csv`, `curves.svg` and `curves.png`. */
  readonly curves: { readonly csv: string; readonly svg: string; readonly png: string }
  readonly history: readonly EpochRecord[]
}

/**
 * Trains a network from labelled crops to a model that can be served: fit, export, threshold on the validation part,
 * figures of the served file on validation and test, manifest, curves. Errors as for `fitNetwork`; `cancelled` on abort,
 * after which `resume` goes on from the last whole epoch.
 */
export async function trainNetwork(options: TrainNetworkOptions): Promise<TrainedNetwork> {
  const { splits, outDir, signal, resume = false, softTargets, labelled } = options
  const onEvent = options.onProgress ?? (() => {})
  const config = parseTrainConfig(options.config)
  const network = createNetwork(options.network, config)
  checkSplits(splits, config)
  await mkdir(outDir, { recursive: true })
  try {
    // 1. Fit.
    const fit = await fitNetwork({ network, splits, config, outDir, resume, softTargets, labelled, onEvent, signal })
    // 2. Export the best epoch.
    const parameters = gatherParameters(network, fit.best.tensors)
    const { standardisation } = fit
    const { exportAs } = config
    const bytes = encodeModel(buildInferenceModel(network, parameters, { standardisation, exportAs }))
    const modelPath = join(outDir, `${config.id ?? network.name}.onnx`)
    await writeFileAtomically(modelPath, [bytes])
    onEvent({ kind: 'written', path: modelPath })
    // 3. Threshold and figures, of the file as it is served.
    const figures = await measureFile(bytes, options, config)
    // 4. Manifest.
    const manifest = await describeModel({
      id: config.id ?? network.name,
      network,
      precision: exportAs,
      bytes,
      standardisation,
      distillationTemperature: config.distillation?.temperature ?? 1,
      figures,
      splits,
      lineage: {
        seed: config.seed,
        options: { ...config, keptEpoch: fit.best.header.bestEpoch },
        commit: options.commit,
      },
    })
    const manifestPath = await writeModelManifest(modelPath, manifest)
    onEvent({ kind: 'written', path: manifestPath })
    // 5. Curves.
    const curves = await writeCurves(outDir, `${manifest.id}: ${splits.train.source}`, fit)
    for (const path of Object.values(curves)) onEvent({ kind: 'written', path })
    return { modelPath, manifestPath, manifest, curves, history: fit.history }
  } catch (reason) {
    if (signal?.aborted) {
      throw new PelletlineError(
        'cancelled',
        `the training in ${outDir} was stopped: the same command goes on from its last whole epoch`,
        {
          cause: reason,
        },
      )
    }
    throw PelletlineError.from(reason)
  }
}

async function measureFile(bytes: Uint8Array, { splits, signal }: TrainNetworkOptions, config: TrainConfig) {
  const worker = createGraphWorker(config.threads === undefined ? {} : { threads: config.threads })
  try {
    const { threshold, smallestSpeckPx } = config
    return await measureServed(worker, bytes, { splits, threshold, smallestSpeckPx, signal })
  } finally {
    await worker.close()
  }
}

async function writeCurves(outDir: string, title: string, { history, best }: FitResult) {
  const curves = { csv: join(outDir, 'curves.csv'), svg: join(outDir, 'curves.svg'), png: join(outDir, 'curves.png') }
  const svg = await drawCurves(title, history, best.header.bestEpoch)
  await writeFileAtomically(curves.csv, [formatHistoryCsv(history)])
  await writeFileAtomically(curves.svg, [svg])
  await writeFileAtomically(curves.png, [await renderSvgAsPng(svg)])
  return curves
}
