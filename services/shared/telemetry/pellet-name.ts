import { createHash } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { type PelletKey, PelletKeySchema } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'

/** What names a pellet: a PelletKey message, or any object of the same shape. */
export interface PelletNameParts {
  readonly strip?:
    | {
        readonly plant: string
        readonly line: string
        readonly camera: string
        readonly run: string
        readonly strip: bigint
      }
    | undefined
  readonly index: number
}

const partPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/
const numberPattern = /^(0|[1-9][0-9]*)$/
const maxUint64 = 2n ** 64n - 1n
const maxUint32 = 2 ** 32 - 1

/** `plant/line/camera/run/strip/index`: the name that a pellet keeps for ever. Throws `invalid_argument` where the strip is missing. */
export function formatPelletName(key: PelletNameParts): string {
  if (key.strip === undefined) {
    throw new PelletlineError('invalid_argument', 'A pellet key has no strip; give plant, line, camera, run and strip.')
  }
  const { plant, line, camera, run, strip } = key.strip
  return `${plant}/${line}/${camera}/${run}/${strip}/${key.index}`
}

/** Reads what `formatPelletName` wrote; throws `invalid_argument` that names the text and the part that is wrong. */
export function parsePelletName(name: string): PelletKey {
  const parts = name.split('/')
  const refuse = (what: string) =>
    new PelletlineError(
      'invalid_argument',
      `"${name}" is not the name of a pellet: ${what}. Give plant/line/camera/run/strip/index, e.g. plant-1/line-1/camera-1/run-1/42/7.`,
    )
  if (parts.length !== 6) throw refuse(`it has ${parts.length} parts instead of 6`)
  const [plant, line, camera, run, strip, index] = parts as [string, string, string, string, string, string]
  for (const [label, part] of Object.entries({ plant, line, camera, run })) {
    if (!partPattern.test(part))
      throw refuse(`the ${label} "${part}" has characters or a length that no ${label} can have`)
  }
  if (!numberPattern.test(strip) || BigInt(strip) > maxUint64)
    throw refuse(`the strip "${strip}" is not a whole number`)
  if (!numberPattern.test(index) || Number(index) > maxUint32)
    throw refuse(`the index "${index}" is not a whole number`)
  return create(PelletKeySchema, { strip: { plant, line, camera, run, strip: BigInt(strip) }, index: Number(index) })
}

/**
 * Trace id of a pellet, 32 hex digits: the first 16 bytes of SHA-256 over its name in UTF-8. Derived whenever it is
 * needed and never sent, so the trace of any pellet can be found without having stored anything.
 */
export function deriveTraceId(key: PelletNameParts): string {
  return createHash('sha256').update(formatPelletName(key), 'utf8').digest('hex').slice(0, 32)
}
