import { readFile } from 'node:fs/promises'
import { classNames } from '../dataset/crop-dataset.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { cropVersion } from '../inspection/crop.ts'
import { type ManifestFile, readManifestFile, verifyModelDigest } from './model-manifest.ts'

/** A model file whose bytes are those that its manifest names. */
export interface LoadedModel extends ManifestFile {
  /** The file, in memory that worker threads share. */
  readonly bytes: SharedArrayBuffer
}

async function readModel(modelPath: string, signal: AbortSignal | undefined): Promise<Buffer> {
  try {
    return await readFile(modelPath, signal === undefined ? {} : { signal })
  } catch (cause) {
    if (signal?.aborted) throw new PelletlineError('cancelled', `The load of ${modelPath} was cancelled.`, { cause })
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new PelletlineError(
      missing ? 'not_found' : 'failed_precondition',
      missing
        ? `There is no model ${modelPath}; give the path of an ONNX file with its manifest beside it.`
        : `The model ${modelPath} cannot be read (${PelletlineError.from(cause).message}); check the path and its rights.`,
      { cause },
    )
  }
}

/**
 * Checks that a file's bytes belong to a manifest: SHA-256 (of the manifest, and `expectedSha256` where given), crop version,
 * class order. Throws `data_loss` where the digest differs, `failed_precondition` where the model is for other crops or classes.
 */
export function checkLoadedModel(
  modelPath: string,
  file: Uint8Array,
  { manifest, manifestBytes }: ManifestFile,
  expectedSha256: string | undefined,
): LoadedModel {
  verifyModelDigest(modelPath, file, manifest)
  if (expectedSha256 !== undefined && manifest.sha256 !== expectedSha256.toLowerCase()) {
    throw new PelletlineError(
      'data_loss',
      `${modelPath} has SHA-256 ${manifest.sha256}; ${expectedSha256} was asked for: give that model, or ask for this one.`,
    )
  }
  const refuse = (found: string, expected: string) =>
    new PelletlineError('failed_precondition', `${modelPath} has ${found}; expected ${expected}: give another model.`)
  if (manifest.input.cropVersion !== cropVersion) {
    throw refuse(`crop version ${manifest.input.cropVersion}`, `version ${cropVersion}, which this program cuts`)
  }
  if (manifest.classes.join() !== classNames.join()) {
    throw refuse(`classes ${manifest.classes.join(', ')}`, `${classNames.join(', ')} in this order`)
  }
  const bytes = new SharedArrayBuffer(file.length)
  new Uint8Array(bytes).set(file)
  return { manifest, manifestBytes, bytes }
}

export interface LoadModelOptions {
  readonly expectedSha256?: string | undefined
  /** The manifest where it has been read before: it is not read again, so that what was looked at is what holds. */
  readonly manifestFile?: ManifestFile
  readonly signal?: AbortSignal | undefined
}

/**
 * Reads a model and the manifest beside it, each once, and checks that they belong together, as `checkLoadedModel` does. Rejects
 * with `not_found` where a file is missing and as that does.
 */
export async function loadModel(modelPath: string, options: LoadModelOptions = {}): Promise<LoadedModel> {
  const file = await readModel(modelPath, options.signal)
  const manifestFile = options.manifestFile ?? (await readManifestFile(modelPath))
  return checkLoadedModel(modelPath, file, manifestFile, options.expectedSha256)
}
