import type { OpenIntake } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { type CalibrationProfile, readCalibrationProfile } from '../shared/calibration/calibration-profile.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import type { CalibrationEntry } from './config.ts'
import { bitDepthOf } from './convert-pixels.ts'

/** A calibration in force, and the file it came from, for messages. */
export interface LoadedCalibration {
  readonly file: string
  readonly profile: CalibrationProfile
}

/** Calibrations by `line/camera`. */
export type Calibrations = ReadonlyMap<string, LoadedCalibration>

/** Key of a camera in `Calibrations`. */
export function calibrationKey(line: string, camera: string): string {
  return `${line}/${camera}`
}

/** Parses `LINE/CAMERA=FILE`; throws `invalid_argument` where it is something else. */
export function parseCalibration(text: string): CalibrationEntry {
  const match = /^([^/=]+)\/([^/=]+)=(.+)$/.exec(text)
  if (match === null) {
    const message = `Calibration "${text}" is not understood; give LINE/CAMERA=FILE such as line-1/camera-1=line-1.calibration.json.`
    throw new PelletlineError('invalid_argument', message)
  }
  const [, line, camera, file] = match as unknown as [string, string, string, string]
  return { line, camera, file }
}

/** Reads the calibrations of a configuration; throws what reading one throws, `invalid_argument` for a camera named twice. */
export async function loadCalibrations(entries: readonly CalibrationEntry[]): Promise<Calibrations> {
  const calibrations = new Map<string, LoadedCalibration>()
  for (const { line, camera, file } of entries) {
    const key = calibrationKey(line, camera)
    const known = calibrations.get(key)
    if (known !== undefined) {
      const message = `Camera ${camera} of line ${line} has two calibrations, ${known.file} and ${file}; leave one in calibrations.`
      throw new PelletlineError('invalid_argument', message)
    }
    calibrations.set(key, { file, profile: await readCalibrationProfile(file) })
  }
  return calibrations
}

/**
 * Throws `invalid_argument` with a violation for each field by which an opening is of another camera than the calibration:
 * its width, its bits.
 */
export function checkCalibratedOpening(open: OpenIntake, { file, profile }: LoadedCalibration): void {
  const bits = bitDepthOf(open.pixelFormat)
  const differences = [
    { field: 'open.width', given: open.width, known: profile.width, unit: 'pixels a row' },
    { field: 'open.pixel_format', given: bits, known: profile.bitDepth, unit: 'bits a pixel' },
  ].filter(({ given, known }) => given !== known)
  if (differences.length === 0) return
  const violations = differences.map(({ field, given, known, unit }) => ({
    field,
    description: `${given} ${unit} are given, but calibration ${profile.name} (${file}) of camera ${open.camera} on line ${open.line} is for ${known}; calibrate this camera anew or give its own file`,
  }))
  const text = violations.map(({ field, description }) => `${field}: ${description}`).join('; ')
  throw new PelletlineError('invalid_argument', text, { violations })
}
