import { create } from '@bufbuild/protobuf'
import { type CropsMessage, CropsMessageSchema } from '../gen/pelletline/events/v1/events_pb.ts'
import type { StripHeader } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { maxPelletsPerPart } from '../shared/bus/topics.ts'
import { cropBytes } from '../shared/inspection/crop.ts'
import { sliceSpecks } from './kernel/speck-columns.ts'
import { notJudgedReason, type PelletColumns } from './kernel/types.ts'
import { limitSpecks } from './limit-specks.ts'

/** What one strip gave, whole: the pellets in index order, and what has no columns. */
export interface StripContents {
  readonly pellets: PelletColumns
  /** Components below the smallest pellet. */
  readonly dust: number
  /** Pellets found beyond the limit of a strip: counted, neither measured nor cropped. */
  readonly shed: number
}

/**
 * The messages of one strip on topic `crops`: a pure function of the strip, at most 384 pellets each in index order, one
 * without a pellet where the strip has none. Rows, strips, dust and shed pellets are counted in part 0 only, so that the
 * sum over the parts is the strip's.
 */
export function toParts(header: StripHeader, contents: StripContents): CropsMessage[] {
  const partCount = Math.max(1, Math.ceil(contents.pellets.count / maxPelletsPerPart))
  return Array.from({ length: partCount }, (_, part) => toPart(header, contents, part, partCount))
}

function toPart(header: StripHeader, contents: StripContents, part: number, partCount: number): CropsMessage {
  const { pellets } = contents
  const from = part * maxPelletsPerPart
  const to = Math.min(pellets.count, from + maxPelletsPerPart)
  const list = (column: ArrayLike<number> & { subarray(from: number, to: number): Iterable<number> }) =>
    Array.from(column.subarray(from, to))
  const firstRow = Number(header.firstRow)
  const notJudged = list(pellets.notJudged)
  const specks = sliceSpecks(pellets.specks, from, to)
  const numbers = limitSpecks(specks)
  const carried = (column: ArrayLike<number>) => numbers.map((i) => column[i]!)
  const byReason = (reason: number) => BigInt(notJudged.filter((value) => value === reason).length)
  const judged = notJudged.filter((value) => value === notJudgedReason.judged).length
  const first = part === 0
  return create(CropsMessageSchema, {
    header,
    part,
    partCount,
    firstIndex: from,
    pellets: {
      x: list(pellets.x),
      y: Array.from(pellets.y.subarray(from, to), (row) => BigInt(row - firstRow)),
      width: list(pellets.width),
      height: list(pellets.height),
      areaPx: list(pellets.areaPx),
      equivalentDiameterPx: list(pellets.equivalentDiameterPx),
      aspectRatio: list(pellets.aspectRatio),
      roundness: list(pellets.roundness),
      meanGray: list(pellets.meanGray),
      notJudged,
      touchesBorder: list(pellets.touchesBorder),
      feretLengthPx: list(pellets.feretLengthPx),
      feretWidthPx: list(pellets.feretWidthPx),
      solidity: list(pellets.solidity),
      graySpread: list(pellets.graySpread),
      speckCount: list(pellets.speckCount),
      speckAreaPx: list(pellets.speckAreaPx),
    },
    specks: {
      pellet: carried(specks.pellet),
      areaPx: carried(specks.areaPx),
      equivalentDiameterPx: carried(specks.equivalentDiameterPx),
      contrast: carried(specks.contrast),
      x: carried(specks.x),
      y: carried(specks.y),
      atRim: carried(specks.atRim),
    },
    crops: takeCrops(pellets, from, to, judged),
    reconciliation: {
      rowsAcquired: first ? BigInt(header.rows) : 0n,
      rowsLost: first ? header.rowsLostBefore : 0n,
      strips: first ? 1n : 0n,
      found: BigInt(to - from + (first ? contents.shed : 0)),
      shed: first ? BigInt(contents.shed) : 0n,
      notJudged: BigInt(to - from - judged),
      notJudgedByReason: {
        cluster: byReason(notJudgedReason.cluster),
        oversize: byReason(notJudgedReason.oversize),
        imageEdge: byReason(notJudgedReason.imageEdge),
        lostRows: byReason(notJudgedReason.lostRows),
      },
      dust: first ? BigInt(contents.dust) : 0n,
    },
  })
}

/** Crops of the pellets from..to that have one, close together. */
function takeCrops(pellets: PelletColumns, from: number, to: number, judged: number): Uint8Array {
  const crops = new Uint8Array(judged * cropBytes)
  let at = 0
  for (let i = from; i < to; i++) {
    if (pellets.notJudged[i] !== notJudgedReason.judged) continue
    crops.set(pellets.crops.subarray(i * cropBytes, (i + 1) * cropBytes), at)
    at += cropBytes
  }
  return crops
}
