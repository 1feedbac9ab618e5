import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ErrorCode, PelletlineError } from '../../errors/pelletline-error.ts'
import { readBounded } from '../../files/read-bounded.ts'
import { manifestPath, maxManifestBytes } from '../model-manifest.ts'
import { signaturePath } from '../signing/model-signature.ts'
import { type ModelStore, maxListed, modelIdPattern } from './model-store.ts'
import { nameFew } from './name-few.ts'

const ending = '.onnx'

/** Codes of Node under which a folder stays as unreadable as it is until somebody sees to it. */
const lastingCodes: ReadonlyMap<string, ErrorCode> = new Map([
  ['ENOENT', 'not_found'],
  ['ENOTDIR', 'failed_precondition'],
  ['EACCES', 'failed_precondition'],
  ['EPERM', 'failed_precondition'],
])

/** A folder of models: `ID.onnx`, `ID.manifest.json`, and `ID.sig` where it is signed. */
export function createFolderStore(folder: string): ModelStore {
  const nameOf = (id: string) => join(folder, `${id}${ending}`)
  /** As the last listing had them. */
  let listed: readonly string[] | undefined

  /** The bytes of a manifest or a signature, or, where `whole`, of a model; undefined where the file is missing. */
  async function read(path: string, signal: AbortSignal | undefined, whole = false): Promise<Buffer | undefined> {
    try {
      if (!whole) return await readBounded(path, { maxBytes: maxManifestBytes, signal })
      return await readFile(path, signal === undefined ? {} : { signal })
    } catch (cause) {
      if (cause instanceof PelletlineError) throw cause
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      if (signal?.aborted) throw new PelletlineError('cancelled', `The reading of ${path} was cancelled.`, { cause })
      const { message } = PelletlineError.from(cause)
      throw new PelletlineError('failed_precondition', `${path} cannot be read (${message}); check its rights.`, {
        cause,
      })
    }
  }

  async function missing(path: string, asListed = false): Promise<PelletlineError> {
    const ids = asListed ? listed : undefined
    const known = nameFew(ids ?? (await list()), 'no model')
    const text = `There is no ${path}; the store ${folder} has ${known}: put ID.onnx and ID.manifest.json there.`
    return new PelletlineError('not_found', text)
  }

  async function list(): Promise<readonly string[]> {
    try {
      const names = await readdir(folder)
      const ids = names.filter((name) => name.endsWith(ending)).map((name) => name.slice(0, -ending.length))
      listed = ids
        .filter((id) => modelIdPattern.test(id))
        .sort()
        .slice(0, maxListed)
      return listed
    } catch (cause) {
      const { message } = PelletlineError.from(cause)
      const code = lastingCodes.get((cause as NodeJS.ErrnoException).code ?? '') ?? 'unavailable'
      const text = `The model store ${folder} cannot be read (${message}); name a folder of models that this user can read.`
      throw new PelletlineError(code, text, { cause })
    }
  }

  return {
    place: folder,
    nameOf,
    list,
    async describe(id, signal, asListed = false) {
      const path = manifestPath(nameOf(id))
      const manifest = modelIdPattern.test(id) ? await read(path, signal) : undefined
      if (manifest === undefined) throw await missing(path, asListed)
      return { manifest, signature: await read(signaturePath(nameOf(id)), signal) }
    },
    async open(id, signal) {
      const found = modelIdPattern.test(id) ? await read(nameOf(id), signal, true) : undefined
      if (found === undefined) throw await missing(nameOf(id))
      return found
    },
  }
}
