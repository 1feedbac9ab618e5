import { InvalidArgumentError } from 'commander'
import type { PixelSize, Roi } from '../parse-option.ts'

/** Options of `inspect` as commander hands them over. */
export interface InspectOptions {
  readonly coco?: string
  readonly out?: string
  readonly crops?: string
  readonly roi?: Roi
  readonly umPerPx?: PixelSize
  readonly model?: string
  readonly ngScore?: number
  readonly polarity?: 'light-on-dark' | 'dark-on-light'
  readonly method?: 'regions' | 'edges'
  readonly threshold?: number
  readonly pelletDiameter?: number
  /** px; 0: specks are not measured. */
  readonly smallestSpeck: number
  readonly speckContrast: number
  readonly referenceGray?: number
}

/** Parser of `--ng-score`: the score from which a pellet is NG, strictly between 0 and 1. */
export function parseScore(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('A score above 0 and below 1 is needed, e.g. 0.5.')
  return value
}

/** Margin zNG - zOK that a softmax score of NG stands for. */
export function marginOfScore(score: number): number {
  return Math.log(score / (1 - score))
}
