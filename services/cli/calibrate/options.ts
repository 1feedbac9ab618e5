import type { PixelSize } from '../parse-option.ts'

/** Options of `calibrate` as commander hands them over. */
export interface CalibrateOptions {
  readonly dark: readonly string[]
  readonly light: readonly string[]
  readonly out?: string
  readonly check?: string
  readonly bits?: '8' | '10' | '12'
  readonly umPerPx?: PixelSize
  readonly edge?: string
  readonly blur?: number
  readonly speed?: number
  readonly exposure?: number
  readonly plot?: string
  readonly contrast: number
  readonly productGray: number
  readonly falseCalls: number
  readonly pelletArea: number
}
