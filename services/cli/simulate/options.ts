import type { CropVariety } from '../../line-simulator/index.ts'

/** Options of `simulate` as commander hands them over. */
export interface SimulateOptions {
  readonly out?: string
  readonly seconds?: number
  readonly reference?: 'dark' | 'light'
  readonly crops?: string
  readonly count?: number
  readonly seed: number
  readonly prevalence?: number
  readonly lineWidth?: number
  readonly rate?: number
  readonly preset?: 'default' | 'wide'
  readonly coding?: 'raw' | 'zstd'
  readonly fault?: readonly string[]
  readonly config?: string
  readonly ngShare?: number
  readonly subSizeShare?: number
  readonly variety?: CropVariety
}
