/**
 * Settings that hold for one strip. Segmentation is a pure function of these, the strip's rows and the rows carried over
 * from the strips before; all of them come from the strip's header, so a replay gives the same pellets.
 */
export interface SegmentationSettings {
  /** Gray level 0..255 (bright polarity): a pixel above it belongs to a pellet. */
  readonly threshold: number
  /** Median area of the single pellets of the lot, px; decides what is a single pellet, a cluster, a small hole. */
  readonly medianAreaPx: number
  /** Components with fewer pixels are dust: counted apart, not reported. */
  readonly minAreaPx: number
  /** Factor of the crop's area-average scaling, 0 < cropScale <= 1; one per recipe. */
  readonly cropScale: number
  /** An open component that spans more rows than this is closed as oversize. */
  readonly maxPelletRows: number
  /** Pellets beyond this number in one strip are shed, with a count. */
  readonly maxPelletsPerStrip: number
  /** How pellets are told from the bed; default regions. */
  readonly method?: SegmentationMethod
  /** Gray level of the empty bed, bright polarity; default 0. */
  readonly bedLevel?: number
  /** Equivalent diameter from which a speck is reported, px; default 0: specks are not measured. */
  readonly smallestSpeckPx?: number
  /** Contrast from which a dark region is a speck, 0..1; default `defaultMinSpeckContrast`. */
  readonly minSpeckContrast?: number
}

/** By what is brighter than the threshold, or by the edges (Canny) around what is. */
export type SegmentationMethod = 'regions' | 'edges'

/** Rows of one strip in bright polarity, 8 bit, row-major. */
export interface StripRows {
  /** width * rows bytes. */
  readonly pixels: Uint8Array
  readonly width: number
  readonly rows: number
  /** Number of the first row since the run began. */
  readonly firstRow: number
  /** Rows lost between the strip before and this one; pellets open there are closed as cut by lost rows. */
  readonly rowsLostBefore: number
}

/** Why a pellet has no crop; the numbers are those of pelletline.inspection.v1.NotJudgedReason, 0 means it has one. */
export const notJudgedReason = {
  judged: 0,
  /** Pellets that touch and cannot be told apart. */
  cluster: 1,
  /** Larger than any single pellet of the recipe. */
  oversize: 2,
  /** Cut by the left or right edge of the sensor, or by the first or last row of the run. */
  imageEdge: 3,
  /** Cut by rows that the camera lost. */
  lostRows: 4,
} as const

/** Measures of the pellets of one strip as packed columns, all of length `count`, in the order of (last row, leftmost x). */
export interface PelletColumns {
  readonly count: number
  /** Left edge of the bounding box, px; pixel i covers [i, i + 1). */
  readonly x: Int32Array
  /** Top edge of the bounding box, row since the run began. */
  readonly y: Float64Array
  readonly width: Int32Array
  readonly height: Int32Array
  /** Pixels of the pellet, holes filled. */
  readonly areaPx: Int32Array
  /** Diameter of the circle of the same area: sqrt(4 A / pi), px. */
  readonly equivalentDiameterPx: Float32Array
  /** Major over minor axis of the ellipse with the same second moments (pixels as unit squares), >= 1. */
  readonly aspectRatio: Float32Array
  /** 4 A / (pi L^2) with L the length of that ellipse's major axis, ISO 9276-6; 1 for a disc. */
  readonly roundness: Float32Array
  /** Mean gray of the pellet's pixels, bright polarity, 0..255. */
  readonly meanGray: Float32Array
  /** 1 where the pellet touches the edge of the sensor or of the run, or lost rows. */
  readonly touchesBorder: Uint8Array
  /** One of `notJudgedReason`. */
  readonly notJudged: Uint8Array
  /** Largest distance of two parallel tangents of the outline (maximum Feret diameter, ISO 9276-6), px. */
  readonly feretLengthPx: Float32Array
  /** Smallest distance of two parallel tangents (minimum Feret diameter), px. */
  readonly feretWidthPx: Float32Array
  /** Area over area of the digital convex hull (solidity, ISO 9276-6), 0..1. */
  readonly solidity: Float32Array
  /** Standard deviation of gray over the pellet's pixels. */
  readonly graySpread: Float32Array
  /** Specks of at least `smallestSpeckPx`; 0 where specks are not measured or the pellet is not judged. */
  readonly speckCount: Int32Array
  /** Area of all of them, px. */
  readonly speckAreaPx: Int32Array
  /** The specks themselves, at most `maxSpecksPerPellet` of one pellet, the largest. */
  readonly specks: SpeckColumns
  /** count * 2500 bytes, crop version 1; all 0 where `notJudged` is not 0. */
  readonly crops: Uint8Array
}

/** Specks of one pellet that are reported one by one. */
export const maxSpecksPerPellet = 16

/** Black specks of the pellets of one strip as packed columns, in the order of (pellet, area from the largest on, y, x). */
export interface SpeckColumns {
  readonly count: number
  /** Index of the pellet in `PelletColumns`. */
  readonly pellet: Int32Array
  readonly areaPx: Int32Array
  /** sqrt(4 A / pi), px. */
  readonly equivalentDiameterPx: Float32Array
  /** 1 - (mean gray - bed) / (mean shading expected there - bed), 0..1. */
  readonly contrast: Float32Array
  /** Middle (mean of the pixels' middles), px from the left edge of the pellet's box. */
  readonly x: Float32Array
  /** Middle, rows from the top edge of the pellet's box. */
  readonly y: Float32Array
  /** 1 where the speck touches the pellet's outline. */
  readonly atRim: Uint8Array
}

/** Measures of one pellet; meanings and units as in `PelletColumns`. */
export interface PelletMeasures {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly areaPx: number
  readonly equivalentDiameterPx: number
  readonly aspectRatio: number
  readonly roundness: number
  readonly meanGray: number
  readonly touchesBorder: boolean
  readonly feretLengthPx: number
  readonly feretWidthPx: number
  readonly solidity: number
  readonly graySpread: number
}

/** The outline of one pellet as closed polygons: [x0, y0, x1, y1, ...] per ring, pixel corners, rows since the run began. */
export type PelletOutline = readonly Float64Array[]

/** What one strip gave. */
export interface StripPellets {
  readonly pellets: PelletColumns
  /** Outlines in the order of the columns; present only where the segmenter was created with `outlines: true`. */
  readonly outlines?: readonly PelletOutline[]
  /** Components below minAreaPx. */
  readonly dust: number
  /** Pellets beyond maxPelletsPerStrip (found but neither cropped nor measured). */
  readonly shed: number
  /** First row that later strips still need, because a component is open there; the next row where none is. */
  readonly neededFromRow: number
}

/**
 * Segments the strips of one run in order. A pellet belongs to the strip in which it is closed, that is the strip that
 * holds the second row after its last row (the crop's margin reaches there); `flush` closes what is open at the end of
 * the run.
 */
export interface Segmenter {
  /** Throws `invalid_argument` on a wrong width or byte count, `failed_precondition` on rows that are not the next ones. */
  push(strip: StripRows, settings: SegmentationSettings): StripPellets
  /** Closes the open components as cut by the end of the run. */
  flush(settings: SegmentationSettings): StripPellets
}
