import { intersectionOverUnion, type ObjectMask } from './rasterise-polygon.ts'

export interface ObjectMatch {
  readonly annotated: number
  readonly found: number
  readonly iou: number
}

/**
 * Matches annotated and found objects one to one: the pair of the highest IoU first, then the next one of what is left, down to
 * `minIou`. Equal IoUs go by the order of the objects.
 */
export function matchObjects(
  annotated: readonly (ObjectMask | undefined)[],
  found: readonly (ObjectMask | undefined)[],
  minIou: number,
): readonly ObjectMatch[] {
  const pairs: ObjectMatch[] = []
  for (const [i, a] of annotated.entries()) {
    if (a === undefined) continue
    for (const [j, b] of found.entries()) {
      if (b === undefined) continue
      const iou = intersectionOverUnion(a, b)
      if (iou >= minIou) pairs.push({ annotated: i, found: j, iou })
    }
  }
  pairs.sort((a, b) => b.iou - a.iou || a.annotated - b.annotated || a.found - b.found)
  const takenA = new Set<number>()
  const takenB = new Set<number>()
  return pairs.filter(({ annotated: i, found: j }) => {
    if (takenA.has(i) || takenB.has(j)) return false
    takenA.add(i)
    takenB.add(j)
    return true
  })
}
