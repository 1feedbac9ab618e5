import type { StripHeader } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { cropMarginPx } from '../shared/inspection/crop.ts'

/** Follows which strips of a stream are durable and needed no more. */
export interface AcknowledgementRule {
  /** Takes a strip that is durable, with the first row that an open pellet needs; returns the first strip that is still needed. */
  settle(header: StripHeader, neededFromRow: number): bigint
}

/**
 * The rule by which strips are acknowledged: all below the strip that holds the first row which a resumed run would need.
 * That is the first row of any open pellet, and in every case the crop's margin above the next row, since a pellet that
 * begins there reaches so far up with its crop. Strips without rows right before that strip are needed too: they may say that
 * rows were lost before its first one, or that the run begins with it. After the last strip of a run nothing is needed.
 */
export function createAcknowledgementRule(): AcknowledgementRule {
  let kept: { readonly strip: bigint; readonly firstRow: number }[] = []

  return {
    settle(header, neededFromRow) {
      const strip = header.key?.strip ?? 0n
      if (header.runEnds) {
        kept = []
        return strip + 1n
      }
      const firstRow = Number(header.firstRow)
      kept.push({ strip, firstRow })
      const needed = Math.min(neededFromRow, firstRow + header.rows - cropMarginPx)
      const later = kept.findIndex((entry) => entry.firstRow > needed)
      const holder = later === -1 ? kept.length - 1 : Math.max(0, later - 1)
      const { firstRow: holderRow } = kept[holder]!
      kept = kept.slice(kept.findIndex((entry) => entry.firstRow === holderRow))
      return kept[0]!.strip
    },
  }
}
