import type { Clock } from '../service/clock.ts'
import { type ManifestFile, parseModelManifest, readManifestFile } from './model-manifest.ts'
import { listWithin } from './store/list-within.ts'
import type { ModelStore } from './store/model-store.ts'

/** Where manifests are read again and again. */
export interface ManifestSource {
  /** Where they are, for messages. */
  readonly place: string
  /** Whether somebody named each of them: then none may be missing or broken when they are first read. */
  readonly isNamed: boolean
  /** Names of the models that there are; rejects where that cannot be said. */
  list(signal: AbortSignal): Promise<readonly string[]>
  /** Reads a manifest as of the last `list`; `before`, which was read last, where it is still the same. Rejects where it cannot be read. */
  read(name: string, signal: AbortSignal, before: ManifestFile | undefined): Promise<ManifestFile>
}

/** The manifests beside model files of these paths; one that was read holds until it can be read anew. */
export function manifestsOfFiles(paths: readonly string[]): ManifestSource {
  return {
    place: paths.join(', '),
    isNamed: true,
    list: async () => paths,
    read: (path, _signal, before) =>
      readManifestFile(path).catch((reason) => {
        if (before === undefined) throw reason
        return before
      }),
  }
}

/** The manifests of a store's models, whatever models it has. */
export function manifestsOfStore(store: ModelStore, clock: Pick<Clock, 'sleep'>): ManifestSource {
  return {
    place: store.place,
    isNamed: false,
    list: (signal) => listWithin(store, { clock, signal }),
    async read(id, signal, before) {
      const { manifest: manifestBytes } = await store.describe(id, signal, true)
      if (before !== undefined && manifestBytes.equals(before.manifestBytes)) return before
      const manifest = parseModelManifest(manifestBytes, `The manifest of ${store.nameOf(id)}`)
      return { manifest, manifestBytes }
    },
  }
}
