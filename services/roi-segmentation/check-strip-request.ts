import type { StripHeader } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PixelEncoding, type SegmentStripsRequest } from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { type FieldViolation, PelletlineError } from '../shared/errors/pelletline-error.ts'
import { checkBlocks } from '../shared/strips/check-blocks.ts'
import { componentLevelOf } from '../shared/strips/component-level.ts'

/** A request that has passed the checks; the header is there. */
export type CheckedStrip = SegmentStripsRequest & { readonly header: StripHeader }

function nameRun(header: StripHeader): string {
  const { key } = header
  return `${key?.plant}/${key?.line}/${key?.camera}/${key?.run}`
}

function refuseField(field: string, description: string): PelletlineError {
  return refuseFields([{ field, description }])
}

function refuseFields(violations: readonly FieldViolation[]): PelletlineError {
  const text = violations.map(({ field, description }) => `${field}: ${description}`).join('; ')
  return new PelletlineError('invalid_argument', text, { violations })
}

/** Throws `invalid_argument` unless the pixels are what encoding and header say. */
function checkPixels(request: SegmentStripsRequest, header: StripHeader, name: string, maxPixels: number): void {
  const { pixels, encoding, blockBitmap, fill } = request
  const { rows, width } = header
  if (rows * width > maxPixels) {
    const description = `strip ${name} has ${rows} rows of ${width} pixels; at most ${maxPixels} pixels are taken in one strip: send shorter ones`
    throw refuseField('header.rows', description)
  }
  if (encoding === PixelEncoding.BLOCKS_16X4) {
    const sparse = { bitmap: blockBitmap, blocks: pixels, fill }
    const violations = checkBlocks(sparse, width, rows, componentLevelOf(header))
    if (violations.length === 0) return
    throw refuseFields(
      violations.map(({ field, description }) => ({ field, description: `strip ${name} ${description}` })),
    )
  }
  if (pixels.length !== rows * width) {
    throw refuseField(
      'pixels',
      `strip ${name} has ${pixels.length} bytes; ${rows} rows of ${width} pixels are ${rows * width}`,
    )
  }
}

/**
 * Creates the check of one stream's strips: `invalid_argument` for more than `maxPixels` pixels, for a byte count that is not
 * rows * width or not that of the bitmap's blocks, and for a width that changes, `failed_precondition` for a strip, a row or a run that is not the next one; the message names what was expected.
 */
export function createStripCheck(maxPixels: number): (request: SegmentStripsRequest) => CheckedStrip {
  let previous: CheckedStrip | undefined

  return (request) => {
    const { header } = request
    if (header?.key === undefined) throw refuseField('header', 'a strip needs its header and key')
    const name = `${nameRun(header)}/${header.key.strip}`
    checkPixels(request, header, name, maxPixels)
    const checked = request as CheckedStrip
    if (previous !== undefined) checkSuccession(previous, checked, name)
    previous = checked
    return checked
  }
}

function checkSuccession(previous: CheckedStrip, next: CheckedStrip, name: string): void {
  const before = previous.header
  const { header } = next
  if (nameRun(header) !== nameRun(before)) {
    throw new PelletlineError(
      'failed_precondition',
      `Strip ${name} belongs to another run than the stream, ${nameRun(before)}; open a stream for each run.`,
    )
  }
  if (header.width !== before.width) {
    throw refuseField('header.width', `strip ${name} is ${header.width} px wide; the run is ${before.width} px wide`)
  }
  const strip = (before.key?.strip ?? 0n) + 1n
  if (before.runEnds) {
    throw new PelletlineError('failed_precondition', `Strip ${name} comes after the run's last; begin a new run.`)
  }
  if (header.key?.strip !== strip) {
    throw new PelletlineError('failed_precondition', `Strip ${name} is out of order: strip ${strip} is expected.`)
  }
  const row = before.firstRow + BigInt(before.rows) + header.rowsLostBefore
  if (header.firstRow !== row) {
    throw new PelletlineError(
      'failed_precondition',
      `Strip ${name} begins at row ${header.firstRow} with ${header.rowsLostBefore} rows lost before it: row ${row} is expected.`,
    )
  }
  if (next.context && !previous.context) {
    throw refuseField('context', `strip ${name} is marked as context; only the first strips of a stream may be`)
  }
}
