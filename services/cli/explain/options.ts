import type { Roi } from '../parse-option.ts'

/** Options of `explain` as commander hands them over. */
export interface ExplainOptions {
  readonly model?: string
  readonly layer?: readonly string[]
  readonly listLayers?: true
  readonly score: 'probability' | 'logit'
  readonly target: 'NG' | 'OK'
  readonly out?: string
  readonly all?: true
  readonly ngScore?: number
  readonly roi?: Roi
  readonly polarity?: 'light-on-dark' | 'dark-on-light'
  readonly method?: 'regions' | 'edges'
  readonly threshold?: number
  readonly pelletDiameter?: number
}
