import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { classNames } from '../dataset/crop-dataset.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { cropVersion } from '../inspection/crop.ts'
import { type ModelManifest, manifestPath, readModelManifest } from './model-manifest.ts'

/** A model file whose bytes are those that its manifest names. */
export interface LoadedModel {
  readonly manifest: ModelManifest
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
 * Reads a model and the manifest beside it and checks that they belong together: SHA-256 (of the manifest, and
 * `expectedSha256` where given), crop version, class order. Rejects with `not_found` where a file is missing, `data_loss`
 * where the digest differs, `failed_precondition` where the model is for other crops or classes.
 */
export async function loadModel(
  modelPath: string,
  options: { readonly expectedSha256?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<LoadedModel> {
  const file = await readModel(modelPath, options.signal)
  const manifest = await readModelManifest(modelPath)
  const found = createHash('sha256').update(file).digest('hex')
  const refuse = (code: 'data_loss' | 'failed_precondition', what: string, expected: string, next: string) =>
    new PelletlineError(code, `${modelPath} has ${what}; ${expected}: ${next}.`)
  const fetchAgain = 'the file is damaged or belongs to another manifest, fetch or export both again'
  if (found !== manifest.sha256) {
    throw refuse(
      'data_loss',
      `SHA-256 ${found}`,
      `its manifest ${manifestPath(modelPath)} expects ${manifest.sha256}`,
      fetchAgain,
    )
  }
  if (options.expectedSha256 !== undefined && found !== options.expectedSha256.toLowerCase()) {
    throw refuse('data_loss', `SHA-256 ${found}`, `${options.expectedSha256} was asked for`, fetchAgain)
  }
  if (manifest.input.cropVersion !== cropVersion) {
    throw refuse(
      'failed_precondition',
      `crop version ${manifest.input.cropVersion}`,
      `this program cuts version ${cropVersion}`,
      'train the model on these crops',
    )
  }
  if (manifest.classes.join() !== classNames.join()) {
    throw refuse(
      'failed_precondition',
      `classes ${manifest.classes.join(', ')}`,
      `expected ${classNames.join(', ')} in this order`,
      'export the model with this order of outputs',
    )
  }
  const bytes = new SharedArrayBuffer(file.length)
  new Uint8Array(bytes).set(file)
  return { manifest, bytes }
}
