import { maxSpecksPerPellet, type SpeckColumns } from './kernel/types.ts'

/** Specks that one message carries at most, so that a part of 384 crops stays below a megabyte. */
export const maxSpecksPerPart = 1024

/**
 * Numbers of the specks that a part carries: all, or where there are more than `limit`, the largest of every pellet, as many of
 * each as fit. The pellets' own counts and areas are not changed by it.
 */
export function limitSpecks({ count, pellet }: SpeckColumns, limit = maxSpecksPerPart): number[] {
  const rank = new Array<number>(count)
  const ofRank = new Array<number>(maxSpecksPerPellet).fill(0)
  for (let i = 0; i < count; i++) {
    // Specks of one pellet stand together, the largest first.
    rank[i] = i > 0 && pellet[i] === pellet[i - 1] ? rank[i - 1]! + 1 : 0
    ofRank[rank[i]!] = ofRank[rank[i]!]! + 1
  }
  let each = 0
  for (let sum = 0; each < maxSpecksPerPellet && sum + ofRank[each]! <= limit; each++) sum += ofRank[each]!
  return rank.flatMap((own, i) => (own < each ? [i] : []))
}
