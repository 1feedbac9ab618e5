import { type FieldViolation, PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { defaultMinSpeckContrast } from '../../shared/inspection/speck-contrast.ts'
import type { SegmentationSettings, StripRows } from './types.ts'

/** Throws `invalid_argument` for rows of the wrong width or byte count, `failed_precondition` unless they are the next ones. */
export function checkStrip(strip: StripRows, width: number, nextRow: number | undefined): void {
  const { rows, firstRow, rowsLostBefore } = strip
  if (strip.width !== width) {
    throw invalid(
      'strip.width',
      `is ${strip.width}, but this run has ${width} px per row; start a new run for another width`,
    )
  }
  if (!Number.isSafeInteger(rows) || rows < 0) throw invalid('strip.rows', `is ${rows}; valid are whole numbers from 0`)
  if (strip.pixels.length !== width * rows) {
    throw invalid(
      'strip.pixels',
      `has ${strip.pixels.length} bytes, but ${rows} rows of ${width} px have ${width * rows}`,
    )
  }
  if (!Number.isSafeInteger(firstRow) || firstRow < 0 || !Number.isSafeInteger(firstRow + rows)) {
    throw invalid('strip.firstRow', `is ${firstRow}; valid are whole numbers from 0 to 2^53 - 1`)
  }
  if (!Number.isSafeInteger(rowsLostBefore) || rowsLostBefore < 0) {
    throw invalid('strip.rowsLostBefore', `is ${rowsLostBefore}; valid are whole numbers from 0`)
  }
  if (nextRow !== undefined && firstRow !== nextRow + rowsLostBefore) {
    throw new PelletlineError(
      'failed_precondition',
      `strip begins at row ${firstRow}, but row ${nextRow + rowsLostBefore} is next ` +
        `(row ${nextRow} after the strip before, ${rowsLostBefore} lost); send the strips of a run in order, each once`,
    )
  }
}

/** Throws `invalid_argument` for settings outside their domain. */
export function checkSettings(settings: SegmentationSettings): void {
  const { threshold, medianAreaPx, minAreaPx, cropScale, maxPelletRows, maxPelletsPerStrip } = settings
  const { bedLevel = 0, smallestSpeckPx = 0, minSpeckContrast = defaultMinSpeckContrast } = settings
  if (!Number.isInteger(threshold) || threshold < 0 || threshold > 255) {
    throw invalid('settings.threshold', `is ${threshold}; valid are whole gray levels from 0 to 255`)
  }
  if (!(medianAreaPx >= 1 && medianAreaPx <= 1e9)) {
    throw invalid('settings.medianAreaPx', `is ${medianAreaPx}; valid are areas from 1 to 1e9 px`)
  }
  if (!(minAreaPx >= 0 && minAreaPx <= 1e9)) {
    throw invalid('settings.minAreaPx', `is ${minAreaPx}; valid are areas from 0 to 1e9 px`)
  }
  if (!(cropScale > 0 && cropScale <= 1)) {
    throw invalid('settings.cropScale', `is ${cropScale}; valid are factors above 0 up to 1`)
  }
  if (!Number.isInteger(maxPelletRows) || maxPelletRows < 1 || maxPelletRows > 65_535) {
    throw invalid('settings.maxPelletRows', `is ${maxPelletRows}; valid are whole numbers from 1 to 65535`)
  }
  if (!Number.isSafeInteger(maxPelletsPerStrip) || maxPelletsPerStrip < 0) {
    throw invalid('settings.maxPelletsPerStrip', `is ${maxPelletsPerStrip}; valid are whole numbers from 0`)
  }
  if (!(bedLevel >= 0 && bedLevel <= 255)) {
    throw invalid('settings.bedLevel', `is ${bedLevel}; valid are gray levels from 0 to 255`)
  }
  if (!(smallestSpeckPx >= 0 && smallestSpeckPx <= 1000)) {
    throw invalid(
      'settings.smallestSpeckPx',
      `is ${smallestSpeckPx}; valid are diameters from 0 (specks are not measured) to 1000 px`,
    )
  }
  if (!(minSpeckContrast >= 0.02 && minSpeckContrast <= 1)) {
    throw invalid('settings.minSpeckContrast', `is ${minSpeckContrast}; valid are contrasts from 0.02 to 1`)
  }
  if (settings.method !== undefined && settings.method !== 'regions' && settings.method !== 'edges') {
    throw invalid('settings.method', `is ${String(settings.method)}; valid are regions and edges`)
  }
}

/** Throws `invalid_argument` for a sensor width outside 1..65535. */
export function checkWidth(width: number, maxWidth: number): void {
  if (!Number.isInteger(width) || width < 1 || width > maxWidth) {
    throw invalid('width', `is ${width}; valid are 1 to ${maxWidth} px per row`)
  }
}

function invalid(field: string, description: string): PelletlineError {
  const violations: FieldViolation[] = [{ field, description }]
  return new PelletlineError('invalid_argument', `${field} ${description}`, { violations })
}
