import { matchTruth } from '../../../services/line-simulator/index.ts'
import { notJudgedReason, type PelletColumns } from '../../../services/roi-segmentation/kernel/types.ts'
import type { Box } from './opencv-chains.ts'
import { type SimulatedStrip, stripWidth } from './simulate-strip.ts'

/** What a method made of the pellets of a strip that follows itself. */
export interface StripCounts {
  /** Pellets by truth. */
  readonly truth: number
  /** What the method reports per strip; what the strip's border cuts counts once. */
  readonly found: number
  /** Pellets by truth that no border of the strip cuts, and how many of them have a box of their own (IoU of at least 0.7). */
  readonly whole: number
  readonly wholeFound: number
  /** Boxes off the borders without a pellet of their own: pieces, and several pellets in one. */
  readonly extra: number
  /** Reported, but not as single pellets: clusters that could not be split, and what is too large; undefined where a method cannot tell. */
  readonly clusters: number | undefined
  readonly oversize: number | undefined
  /** Black specks in the judged pellets; undefined where a method does not look for them. */
  readonly specks: number | undefined
}

/** Two pellets in one box share half of it with either: no pellet is to be found by such a box. */
const minIou = 0.7

type Truth = Pick<SimulatedStrip, 'rows'> & { readonly truth: readonly { readonly box: PixelBox }[] }

interface PixelBox {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Counts of a method that sees a strip alone: what touches the first row was seen at the end of the strip before. */
export function countBoxes(strip: Truth, boxes: readonly Box[]): StripCounts {
  const found = boxes.filter(([, top]) => top > 0).map(([x, y, width, height]) => ({ x, y, width, height }))
  return { ...compare(strip, found), clusters: undefined, oversize: undefined, specks: undefined }
}

/** Counts of what the kernel gave for one of the strips of a run after the first. */
export function countPellets(strip: Truth, pellets: PelletColumns): StripCounts {
  const boxes = placeInStrip(strip.rows, pellets)
  const count = (reason: number) => pellets.notJudged.reduce((sum, why) => sum + (why === reason ? 1 : 0), 0)
  return {
    ...compare(strip, boxes),
    clusters: count(notJudgedReason.cluster),
    oversize: count(notJudgedReason.oversize),
    specks: pellets.speckCount.reduce((sum, specks) => sum + specks, 0),
  }
}

/** Boxes of a strip's pellets in rows of the strip: the last row of each lies in it. */
export function placeInStrip(rows: number, pellets: PelletColumns): PixelBox[] {
  return Array.from({ length: pellets.count }, (_, i) => {
    const height = pellets.height[i]!
    const lastRow = pellets.y[i]! + height - 1
    return { x: pellets.x[i]!, y: (lastRow % rows) - height + 1, width: pellets.width[i]!, height }
  })
}

function compare({ rows, truth }: Truth, boxes: readonly PixelBox[]) {
  const isWhole = ({ x, y, width, height }: PixelBox) => x > 0 && y > 0 && x + width < stripWidth && y + height < rows
  const found = boxes.filter(isWhole)
  // Pellets at a border have no box to compare with; what covers one of them all the same is no error.
  const { truthOf, pelletOf } = matchTruth(truth, columnsOf(found), minIou)
  const whole = truth.map((pellet, index) => ({ pellet, index })).filter(({ pellet }) => isWhole(pellet.box))
  return {
    truth: truth.length,
    found: boxes.length,
    whole: whole.length,
    wholeFound: whole.filter(({ index }) => pelletOf[index]! >= 0).length,
    extra: truthOf.filter((index) => index < 0).length,
  }
}

/** Boxes as columns, one entry a box. */
export function columnsOf(boxes: readonly PixelBox[]) {
  return {
    count: boxes.length,
    x: boxes.map(({ x }) => x),
    y: boxes.map(({ y }) => y),
    width: boxes.map(({ width }) => width),
    height: boxes.map(({ height }) => height),
  }
}
