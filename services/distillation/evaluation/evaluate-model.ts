import type { CropDataset } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createGraphWorker } from '../../shared/onnx/graph-worker.ts'
import { loadModel } from '../../shared/onnx/load-model.ts'
import type { ClassifierMetrics } from '../../shared/onnx/model-manifest.ts'
import { decodeModel } from '../../shared/onnx/onnx-proto.ts'
import { judgeCrops } from './judge-crops.ts'
import { marginsOf, measureClassifier } from './measure-classifier.ts'

export interface EvaluateModelOptions {
  /** Path of the ONNX file; its manifest lies beside it. */
  readonly modelPath: string
  readonly dataset: CropDataset
  /** Margin from which a crop is NG; default: the manifest's. */
  readonly threshold?: number
  /** Diameter from which a missed speck is an escape, px of the crop; default: the manifest's own, else 3. */
  readonly smallestSpeckPx?: number
  readonly threads?: number
  readonly signal?: AbortSignal
}

/** What `evaluate model` prints. */
export interface ModelEvaluation extends ClassifierMetrics {
  readonly model: string
  readonly sha256: string
  readonly architecture: string
  readonly dataSource: string
  readonly dataDigest: string
  readonly parameters: number
  readonly multiplyAdds: number
  readonly threads: number
  /** Time per crop in batches of 64, reading and transport within the process included. */
  readonly millisecondsPerCrop: number
}

/**
 * Judges a labelled dataset by a model file and measures it. `not_found`, `data_loss` or `failed_precondition` where the
 * model, its manifest, its crop version or its classes do not fit, the file is no ONNX model or cannot be run on crops, or a
 * margin is not finite; `cancelled` on abort.
 */
export async function evaluateModel(options: EvaluateModelOptions): Promise<ModelEvaluation> {
  const { modelPath, dataset, signal } = options
  const { manifest, bytes } = await loadModel(modelPath, { signal })
  decodeModel(new Uint8Array(bytes), modelPath)
  const worker = createGraphWorker(options.threads === undefined ? {} : { threads: options.threads })
  try {
    const { logits, seconds } = await judgeCrops(worker, new Uint8Array(bytes), dataset, signal)
    const metrics = measureClassifier(
      { margins: marginsOf(logits), labels: dataset.labels, speckPx: dataset.speckPx },
      {
        threshold: options.threshold ?? manifest.threshold,
        smallestSpeckPx: options.smallestSpeckPx ?? manifest.metrics.test?.escape?.smallestSpeckPx ?? 3,
      },
    )
    return {
      model: manifest.id,
      sha256: manifest.sha256,
      architecture: manifest.architecture,
      dataSource: dataset.source,
      dataDigest: dataset.digest,
      ...metrics,
      parameters: manifest.parameters,
      multiplyAdds: manifest.multiplyAdds,
      threads: worker.threads,
      millisecondsPerCrop: dataset.count === 0 ? 0 : (1000 * seconds) / dataset.count,
    }
  } catch (reason) {
    // What ONNX Runtime refuses is a model of another kind; that its bytes are those of its manifest has been checked.
    if (!(reason instanceof PelletlineError && reason.code === 'internal')) throw PelletlineError.from(reason)
    throw new PelletlineError(
      'failed_precondition',
      `${modelPath} cannot judge crops (${reason.message.split('\n')[0]}): ` +
        'export the model again with `npx pelletline train` or give another model.',
      { cause: reason },
    )
  } finally {
    await worker.close()
  }
}
