import { hash } from 'node:crypto'
import type { StripKey } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'

/** A part of the product for one of two models. */
export interface ShareRule {
  readonly modelId: string
  /** Share of the strip parts, 0..1. */
  readonly share: number
  /** Lines all of whose parts fall to it. */
  readonly lines: readonly string[]
}

/**
 * A number in [0, 1) that belongs to a strip part and a model for ever: the first 53 bits of SHA-256 over
 * `purpose/model/plant/line/camera/run/strip/part` in UTF-8, as a binary fraction.
 */
function partNumber(purpose: string, modelId: string, key: StripKey, part: number): number {
  const { plant, line, camera, run, strip } = key
  const name = [purpose, modelId, plant, line, camera, run, strip, part].join('/')
  const digest = hash('sha256', name, 'buffer')
  return (digest.readUInt32BE(0) * 2 ** 21 + (digest.readUInt32BE(4) >>> 11)) / 2 ** 53
}

/**
 * Whether a strip part falls to a model: a pure function of its name, so a message that comes again falls to the same, and
 * a larger share keeps the parts of a smaller one.
 */
export function takesPart(
  purpose: 'canary' | 'shadow',
  { modelId, share, lines }: ShareRule,
  key: StripKey,
  part: number,
): boolean {
  if (lines.includes(key.line)) return true
  return share >= 1 || partNumber(purpose, modelId, key, part) < share
}
