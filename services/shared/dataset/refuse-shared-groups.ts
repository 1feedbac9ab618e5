import { PelletlineError } from '../errors/pelletline-error.ts'
import { splitNames } from './crop-dataset.ts'
import type { ImageFile } from './list-image-files.ts'
import type { ImageGroups } from './name-groups.ts'

/** Refuses a given split that has a group in two of its parts, by the group's name and an image of each: `invalid_argument`. */
export function refuseSharedGroups(folder: string, files: readonly ImageFile[], { names, indices }: ImageGroups): void {
  const first = new Map<number, ImageFile>()
  const shared = new Map<number, readonly [ImageFile, ImageFile]>()
  for (const split of splitNames) {
    for (const [i, file] of files.entries()) {
      const group = indices[i]!
      if (group < 0 || file.split !== split) continue
      const before = first.get(group)
      if (before === undefined) first.set(group, file)
      else if (before.split !== split && !shared.has(group)) shared.set(group, [before, file])
    }
  }
  const [worst] = shared
  if (worst === undefined) return
  const [group, [one, other]] = worst
  const more = shared.size === 1 ? '' : `, as are ${shared.size - 1} more groups,`
  throw new PelletlineError(
    'invalid_argument',
    `${folder}: group ${names[group]} is in ${one.split} and in ${other.split}${more} (${one.place} and ${other.place}): ` +
      'keep every group in one part, or give OK/ and NG/ alone to have them split',
  )
}
