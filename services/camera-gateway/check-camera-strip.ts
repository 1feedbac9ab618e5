import type { CameraStrip, OpenIntake } from '../gen/pelletline/camera/v1/camera_pb.ts'
import type { StripHeader } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { type FieldViolation, PelletlineError } from '../shared/errors/pelletline-error.ts'

/** Where a run stands: what its next strip has to be. */
export interface RunPosition {
  readonly line: string
  readonly camera: string
  readonly run: string
  readonly nextStrip: bigint
  /** Row after the last one received; undefined where the gateway was started amid the run and knows no strip of it. */
  readonly nextRow: bigint | undefined
  /** The run's last strip was received. */
  readonly ended: boolean
}

/** How a strip's bytes are to be read. */
export interface StripFormat {
  readonly width: number
  readonly bytesPerPixel: 1 | 2
}

function refuseFields(violations: readonly FieldViolation[]): PelletlineError {
  const text = violations.map(({ field, description }) => `${field}: ${description}`).join('; ')
  return new PelletlineError('invalid_argument', text, { violations })
}

/**
 * Tells whether a strip is the next one of its run or a repetition of one that the gateway has. Throws
 * `failed_precondition` for a strip out of order or after the run's end, `invalid_argument` with violations for bytes that
 * are not rows * width pixels, for rows that do not follow those before and for a stamp of another strip; the messages name what
 * was expected.
 */
export function checkCameraStrip(
  strip: CameraStrip,
  position: RunPosition,
  { width, bytesPerPixel }: StripFormat,
): 'next' | 'repeated' {
  const { line, run, nextStrip, nextRow, ended } = position
  const name = `Strip ${strip.strip} of run ${run} on line ${line}`
  if (strip.strip < nextStrip) return 'repeated'
  if (ended) {
    const message = `${name} comes after the run's last strip, ${nextStrip - 1n}; open a run with a new name.`
    throw new PelletlineError('failed_precondition', message)
  }
  if (strip.strip > nextStrip) {
    const message = `${name} is out of order: strip ${nextStrip} is expected; send it first.`
    throw new PelletlineError('failed_precondition', message)
  }
  const violations: FieldViolation[] = []
  const bytes = strip.rows * width * bytesPerPixel
  if (strip.pixels.length !== bytes) {
    const description = `${name} has ${strip.pixels.length} bytes; ${strip.rows} rows of ${width} pixels with ${bytesPerPixel} byte(s) each are ${bytes}: check width and pixel format of the opening`
    violations.push({ field: 'strip.pixels', description })
  }
  if (nextRow !== undefined && strip.firstRow !== nextRow + strip.rowsLostBefore) {
    const description = `${name} begins at row ${strip.firstRow} with ${strip.rowsLostBefore} rows lost before it; the rows before end at ${nextRow}, so it has to begin at ${nextRow + strip.rowsLostBefore}`
    violations.push({ field: 'strip.first_row', description })
  }
  if (strip.stamp !== undefined) violations.push(...compareStamp(strip, strip.stamp, position))
  if (violations.length > 0) throw refuseFields(violations)
  return 'next'
}

/** A violation for each field by which a stamp is not of the strip that it came with. */
function compareStamp(strip: CameraStrip, stamp: StripHeader, { line, camera, run }: RunPosition): FieldViolation[] {
  const violations: FieldViolation[] = []
  const compare = (field: string, stamped: unknown, sent: unknown) => {
    if (stamped === sent) return
    const description = `the stamp of strip ${strip.strip} of run ${run} on line ${line} says ${stamped}, the strip ${sent}; send the stamp that was received for this strip, or none`
    violations.push({ field: `strip.stamp.${field}`, description })
  }
  compare('key.line', stamp.key?.line, line)
  compare('key.camera', stamp.key?.camera, camera)
  compare('key.run', stamp.key?.run, run)
  compare('key.strip', stamp.key?.strip, strip.strip)
  compare('first_row', stamp.firstRow, strip.firstRow)
  compare('rows', stamp.rows, strip.rows)
  compare('rows_lost_before', stamp.rowsLostBefore, strip.rowsLostBefore)
  compare('run_ends', stamp.runEnds, strip.runEnds)
  return violations
}

/** Throws `invalid_argument` with a violation for each field by which an opening differs from that of the run it resumes. */
export function checkResumedOpening(open: OpenIntake, first: OpenIntake): void {
  const violations: FieldViolation[] = []
  const compare = (field: string, given: unknown, known: unknown) => {
    if (given === known) return
    const description = `${given} is given, but run ${first.run} on line ${first.line} was opened with ${known}; a change needs a run with a new name`
    violations.push({ field: `open.${field}`, description })
  }
  compare('width', open.width, first.width)
  compare('pixel_format', open.pixelFormat, first.pixelFormat)
  compare('polarity', open.polarity, first.polarity)
  compare('optics.um_per_px_across', open.optics?.umPerPxAcross, first.optics?.umPerPxAcross)
  compare('optics.um_per_px_along', open.optics?.umPerPxAlong, first.optics?.umPerPxAlong)
  compare('simulated', open.simulated, first.simulated)
  if (violations.length > 0) throw refuseFields(violations)
}
