import { type Clock, systemClock } from '../../service/clock.ts'
import { createFolderStore } from './create-folder-store.ts'
import { bucketOf, type ModelPlace } from './model-place-config.ts'
import type { ModelStore } from './model-store.ts'
import { createS3Store } from './s3/create-s3-store.ts'

/**
 * The store of a place: a folder or a bucket. No model is looked for yet; the authorities of a bucket's `tls.caFile` are read, once.
 * Throws as `createS3Client` does.
 */
export function openModelStore(place: ModelPlace, clock: Clock = systemClock): ModelStore {
  const bucket = bucketOf(place)
  return bucket === undefined ? createFolderStore(place as string) : createS3Store(bucket, { clock })
}
