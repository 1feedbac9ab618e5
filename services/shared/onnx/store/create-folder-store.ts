import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ErrorCode, PelletlineError } from '../../errors/pelletline-error.ts'
import { manifestPath } from '../model-manifest.ts'
import { signaturePath } from '../signing/model-signature.ts'
import { type ModelStore, maxListed, modelIdPattern } from './model-store.ts'

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

  /** The file's bytes; undefined where it is missing. */
  async function read(path: string, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    try {
      return await readFile(path, signal === undefined ? {} : { signal })
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      if (signal?.aborted) throw new PelletlineError('cancelled', `The reading of ${path} was cancelled.`, { cause })
      const { message } = PelletlineError.from(cause)
      throw new PelletlineError('failed_precondition', `${path} cannot be read (${message}); check its rights.`, {
        cause,
      })
    }
  }

  async function mustRead(id: string, path: string, signal: AbortSignal | undefined): Promise<Buffer> {
    const found = modelIdPattern.test(id) ? await read(path, signal) : undefined
    if (found !== undefined) return found
    const known = await list()
    throw new PelletlineError(
      'not_found',
      `There is no ${path}; the store ${folder} has ${known.join(', ') || 'no model'}: put ID.onnx and ID.manifest.json there.`,
    )
  }

  async function list(): Promise<readonly string[]> {
    try {
      const names = await readdir(folder)
      const ids = names.filter((name) => name.endsWith(ending)).map((name) => name.slice(0, -ending.length))
      return ids
        .filter((id) => modelIdPattern.test(id))
        .sort()
        .slice(0, maxListed)
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
    async describe(id, signal) {
      const manifest = await mustRead(id, manifestPath(nameOf(id)), signal)
      return { manifest, signature: await read(signaturePath(nameOf(id)), signal) }
    },
    open: (id, signal) => mustRead(id, nameOf(id), signal),
  }
}
