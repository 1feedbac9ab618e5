import { InvalidArgumentError } from 'commander'
import { nameSchema } from '../shared/config/name-schema.ts'

/** Range of a numeric option; both ends included. */
export interface NumberRange {
  readonly min?: number
  readonly max?: number
}

/** Parser of an option that takes a number; commander names the option in front of the message. */
export function parseNumber(range: NumberRange = {}): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (!Number.isFinite(value)) throw new InvalidArgumentError(`A number is needed${rangeText(range)}.`)
    return checkRange(value, range)
  }
}

/** Parser of an option that takes a whole number. */
export function parseInteger(range: NumberRange = {}): (text: string) => number {
  return (text) => {
    if (!/^[+-]?\d+$/.test(text.trim()) || !Number.isSafeInteger(Number(text))) {
      throw new InvalidArgumentError(`A whole number is needed${rangeText(range)}.`)
    }
    return checkRange(Number(text), range)
  }
}

function checkRange(value: number, range: NumberRange): number {
  if (value < (range.min ?? Number.NEGATIVE_INFINITY) || value > (range.max ?? Number.POSITIVE_INFINITY)) {
    throw new InvalidArgumentError(`It must be${rangeText(range)}.`)
  }
  return value
}

function rangeText({ min, max }: NumberRange): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`
  if (min !== undefined) return ` of at least ${min}`
  return max === undefined ? '' : ` of at most ${max}`
}

/** Parser of a name as plants, lines, cameras and runs have it. */
export function parseName(text: string): string {
  const { success, error } = nameSchema.safeParse(text)
  if (!success) throw new InvalidArgumentError(`${error.issues[0]?.message ?? 'A name is needed'}.`)
  return text
}

/** A rectangle in image coordinates, px. */
export interface Roi {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Parser of `X,Y,W,H` in whole pixels. */
export function parseRoi(text: string): Roi {
  const parts = text.split(',').map((part) => part.trim())
  const numbers = parts.map(Number)
  if (parts.length !== 4 || parts.some((part) => !/^\d+$/.test(part))) {
    throw new InvalidArgumentError(
      'Four whole numbers X,Y,W,H are needed (left, top, width, height in px), e.g. 290,0,478,352.',
    )
  }
  const [x, y, width, height] = numbers as [number, number, number, number]
  if (width < 1 || height < 1) throw new InvalidArgumentError('Width and height must be at least 1 px.')
  return { x, y, width, height }
}

/** Size of a pixel on the product, micrometres. */
export interface PixelSize {
  readonly acrossUm: number
  readonly alongUm: number
}

/** Parser of `ACROSS[,ALONG]` in micrometres per pixel; one number holds for both directions. */
export function parsePixelSize(text: string): PixelSize {
  const numbers = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (numbers.length > 2 || numbers.some((value) => !(value > 0 && value <= 10_000))) {
    throw new InvalidArgumentError(
      'Micrometres per pixel are needed, ACROSS or ACROSS,ALONG, above 0 and up to 10000, e.g. 42.3 or 42.3,40.',
    )
  }
  const [acrossUm, alongUm = acrossUm] = numbers as [number, number?]
  return { acrossUm, alongUm: alongUm ?? acrossUm }
}

/** Parser of a time span in seconds: `20`, `20s`, `5m`, `500ms`. */
export function parseSeconds(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|min|h)?$/.exec(text.trim())
  const factor = { ms: 0.001, s: 1, m: 60, min: 60, h: 3600 }[match?.[2] ?? 's']
  const seconds = Number(match?.[1]) * (factor ?? Number.NaN)
  if (!(seconds > 0)) throw new InvalidArgumentError('A time above 0 is needed, e.g. 20, 20s, 5m or 500ms.')
  return seconds
}

/** Collecting parser of an option that may be given more than once. */
export function collectText(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

/** Parser of a seed: a whole number from 0 to 2^32 - 1. */
export const parseSeed = parseInteger({ min: 0, max: 0xffffffff })
