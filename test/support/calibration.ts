import type { CalibrationProfile } from '../../services/shared/calibration/calibration-profile.ts'

/** A calibration that changes nothing, 8 bit, but for what is given. */
export function calibrationOf(width: number, change: Partial<CalibrationProfile> = {}): CalibrationProfile {
  return {
    format: 'pelletline-calibration',
    version: 1,
    name: 'test',
    createdAt: '2026-01-01T00:00:00Z',
    width,
    bitDepth: 8,
    referenceLevel: 180,
    umPerPxAcross: 50,
    umPerPxAlong: 55,
    blurPx: 0.7,
    blurFrom: 'stated',
    exposureBlurPx: 0,
    noise: { read: 1, shot: 4 },
    rows: { dark: 256, light: 256 },
    badColumns: [],
    dark: Array<number>(width).fill(0),
    gain: Array<number>(width).fill(1),
    ...change,
  }
}
