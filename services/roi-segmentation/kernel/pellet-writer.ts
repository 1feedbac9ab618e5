import { cropBytes } from '../../shared/inspection/crop.ts'
import type { SpeckList } from './speck-list.ts'
import { createSpeckPool } from './speck-pool.ts'
import type { PelletColumns, PelletMeasures, PelletOutline, StripPellets } from './types.ts'

/** What is known of one pellet before it has its place in the order. */
export interface PelletRecord extends PelletMeasures {
  readonly notJudged: number
  readonly outline: PelletOutline | undefined
}

/** Collects the pellets of one strip and hands them over as columns in the contract's order. */
export interface PelletWriter {
  readonly count: number
  /** Adds a pellet with a copy of its specks; returns where its crop goes in `crops()`, zeroed. */
  add(record: PelletRecord, specks: SpeckList): number
  crops(): Uint8Array
  /** The pellets so far in the order of (last row, leftmost x), in memory of their own; empties the writer. */
  take(): { readonly pellets: PelletColumns; readonly outlines: NonNullable<StripPellets['outlines']> }
}

/** Creates an empty writer. */
export function createPelletWriter(): PelletWriter {
  const records: PelletRecord[] = []
  const specks = createSpeckPool()
  let crops = new Uint8Array(64 * cropBytes)

  return {
    get count() {
      return records.length
    },
    crops: () => crops,
    add(record, found) {
      const at = records.length * cropBytes
      specks.add(records.length, found)
      records.push(record)
      if (crops.length < at + cropBytes) {
        const larger = new Uint8Array(crops.length * 2)
        larger.set(crops)
        crops = larger
      }
      crops.fill(0, at, at + cropBytes)
      return at
    },
    take() {
      const count = records.length
      const order = Array.from(records.keys()).sort((a, b) => before(records[a]!, records[b]!))
      const pellets = {
        count,
        x: new Int32Array(count),
        y: new Float64Array(count),
        width: new Int32Array(count),
        height: new Int32Array(count),
        areaPx: new Int32Array(count),
        equivalentDiameterPx: new Float32Array(count),
        aspectRatio: new Float32Array(count),
        roundness: new Float32Array(count),
        meanGray: new Float32Array(count),
        touchesBorder: new Uint8Array(count),
        notJudged: new Uint8Array(count),
        feretLengthPx: new Float32Array(count),
        feretWidthPx: new Float32Array(count),
        solidity: new Float32Array(count),
        graySpread: new Float32Array(count),
        speckCount: new Int32Array(count),
        speckAreaPx: new Int32Array(count),
        specks: specks.columns(order),
        crops: new Uint8Array(count * cropBytes),
      }
      const outlines: PelletOutline[] = []
      for (let i = 0; i < count; i++) {
        const from = order[i]!
        const record = records[from]!
        pellets.x[i] = record.x
        pellets.y[i] = record.y
        pellets.width[i] = record.width
        pellets.height[i] = record.height
        pellets.areaPx[i] = record.areaPx
        pellets.equivalentDiameterPx[i] = record.equivalentDiameterPx
        pellets.aspectRatio[i] = record.aspectRatio
        pellets.roundness[i] = record.roundness
        pellets.meanGray[i] = record.meanGray
        pellets.touchesBorder[i] = record.touchesBorder ? 1 : 0
        pellets.notJudged[i] = record.notJudged
        pellets.feretLengthPx[i] = record.feretLengthPx
        pellets.feretWidthPx[i] = record.feretWidthPx
        pellets.solidity[i] = record.solidity
        pellets.graySpread[i] = record.graySpread
        pellets.speckCount[i] = specks.found(from)
        pellets.speckAreaPx[i] = specks.foundAreaPx(from)
        pellets.crops.set(crops.subarray(from * cropBytes, (from + 1) * cropBytes), i * cropBytes)
        if (record.outline !== undefined) outlines.push(record.outline)
      }
      records.length = 0
      specks.clear()
      return { pellets, outlines }
    },
  }
}

/** Order of (last row, leftmost x); equal ones by first row, then by area. */
function before(a: PelletRecord, b: PelletRecord): number {
  return a.y + a.height - (b.y + b.height) || a.x - b.x || a.y - b.y || a.areaPx - b.areaPx
}
