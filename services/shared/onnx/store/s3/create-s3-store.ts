import { PelletlineError } from '../../../errors/pelletline-error.ts'
import { manifestPath, maxManifestBytes } from '../../model-manifest.ts'
import { signaturePath } from '../../signing/model-signature.ts'
import type { S3Place } from '../model-place-config.ts'
import { type ModelStore, maxListed, modelIdPattern } from '../model-store.ts'
import { nameFew } from '../name-few.ts'
import { createS3Client, type S3ClientOptions, type S3Object } from './create-s3-client.ts'

const ending = '.onnx'
/** Pages of one listing, of at most 1,000 keys each; a model has two or three. */
const maxPages = 20
/** Manifests and signatures that are kept in memory. */
const maxKeptBytes = 16_777_216

/**
 * A bucket of models: `PREFIX/ID.onnx`, `PREFIX/ID.manifest.json`, and `PREFIX/ID.sig` where it is signed. Throws
 * as `createS3Client` does; its calls reject as those of that client do.
 */
export function createS3Store(bucket: S3Place, options: S3ClientOptions): ModelStore {
  const client = createS3Client(bucket, options)
  const folder = bucket.prefix === '' ? '' : `${bucket.prefix.replace(/\/$/, '')}/`
  const place = `s3://${bucket.bucket}/${folder}`
  const keyOf = (id: string) => `${folder}${id}${ending}`
  /** ETags by key, as the last listing had them. */
  let listed: ReadonlyMap<string, string> = new Map()
  const kept = new Map<string, S3Object>()
  let keptBytes = 0

  function forget(key: string): void {
    keptBytes -= kept.get(key)?.body.length ?? 0
    kept.delete(key)
  }

  async function list(signal?: AbortSignal): Promise<readonly string[]> {
    const etags = new Map<string, string>()
    let page: string | undefined
    for (let pages = 0; pages === 0 || page !== undefined; pages++) {
      if (pages === maxPages) {
        const text = `${place} has more than ${maxPages * 1000} objects; give its models a prefix of their own.`
        throw new PelletlineError('failed_precondition', text)
      }
      const found = await client.list(folder, page, signal)
      for (const [key, etag] of found.etags) etags.set(key, etag)
      page = found.next
    }
    listed = etags
    for (const [key, { etag }] of kept) if (etags.get(key) !== etag) forget(key)
    return listedIds()
  }

  function listedIds(): readonly string[] {
    return [...listed.keys()]
      .filter((key) => key.startsWith(folder) && key.endsWith(ending))
      .map((key) => key.slice(folder.length, -ending.length))
      .filter((id) => modelIdPattern.test(id))
      .sort()
      .slice(0, maxListed)
  }

  /** The bytes of a manifest or a signature; undefined where there is none. */
  async function read(key: string, asListed: boolean, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    const known = kept.get(key)
    if (asListed && (known?.etag === listed.get(key) || !listed.has(key))) return known?.body
    const found = await client.get(key, maxManifestBytes, signal)
    forget(key)
    if (found !== undefined && keptBytes + found.body.length <= maxKeptBytes) {
      kept.set(key, found)
      keptBytes += found.body.length
    }
    return found?.body
  }

  async function missing(id: string, key: string, asListed: boolean, signal: AbortSignal | undefined) {
    const known = asListed ? listedIds() : await list(signal)
    const text = `There is no s3://${bucket.bucket}/${key}; the store ${place} has ${nameFew(known, 'no model')}: put ${id}.onnx and ${id}.manifest.json there.`
    return new PelletlineError('not_found', text)
  }

  return {
    place,
    nameOf: (id) => `s3://${bucket.bucket}/${keyOf(id)}`,
    list,
    async describe(id, signal, asListed = false) {
      const key = manifestPath(keyOf(id))
      const manifest = modelIdPattern.test(id) ? await read(key, asListed, signal) : undefined
      if (manifest === undefined) throw await missing(id, key, asListed, signal)
      return { manifest, signature: await read(signaturePath(keyOf(id)), asListed, signal) }
    },
    async open(id, signal) {
      const key = keyOf(id)
      const found = modelIdPattern.test(id) ? await client.get(key, bucket.maxModelBytes, signal) : undefined
      if (found === undefined) throw await missing(id, key, false, signal)
      return found.body
    },
  }
}
