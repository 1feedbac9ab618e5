import { posix } from 'node:path'
import type { PodSpec, Volume } from './manifest.ts'

function pathsOf({ configMap, projected }: Volume): string[] {
  const sources = [configMap, ...(projected?.sources ?? []).flatMap(({ secret, configMap: map }) => [secret, map])]
  return sources.flatMap((source) => source?.items?.map(({ path }) => path) ?? [])
}

/** Paths in the first container of all files that volumes name one by one. */
export function mountedFiles(pod: PodSpec): ReadonlySet<string> {
  const volumes = new Map(pod.volumes.map((volume) => [volume.name, volume]))
  const mounts = pod.containers[0]?.volumeMounts ?? []
  return new Set(
    mounts.flatMap(({ name, mountPath }) => {
      const volume = volumes.get(name)
      return volume === undefined ? [] : pathsOf(volume).map((path) => posix.join(mountPath, path))
    }),
  )
}
