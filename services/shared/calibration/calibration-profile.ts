import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { parseConfig } from '../config/load-config.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { writeFileAtomically } from '../files/write-file-atomically.ts'

/** Gains that a good column may have. Beyond, too little light is left to correct: the lamp or the window is at fault. */
export const gainRange = { least: 0.2, most: 5 } as const

/** Why a column is replaced by its neighbours: it sees too little light, is bright in the dark, or changes by itself. */
export const badColumnReasons = ['dead', 'hot', 'unstable'] as const

export type BadColumnReason = (typeof badColumnReasons)[number]

const columnSchema = z.int().min(0).max(65_534)

/**
 * Calibration of one camera at its place, `NAME.calibration.json`, version 1. Levels are raw gray levels of `bitDepth` bits.
 * The gray level of a pixel is corrected to (raw - dark[c]) * gain[c]; the median gain is 1, so that an even white target
 * becomes `referenceLevel` everywhere.
 */
export const calibrationProfileSchema = z
  .strictObject({
    format: z.literal('pelletline-calibration'),
    version: z.literal(1),
    /** What strips corrected by it say in their header. */
    name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, {
      error: 'valid is: 1 to 128 letters, digits, ".", "_" and "-", the first a letter or digit',
    }),
    createdAt: z.iso.datetime(),
    /** Pixels per row. */
    width: z.int().min(16).max(65_535),
    bitDepth: z.union([z.literal(8), z.literal(10), z.literal(12)]),
    /** Median over the columns of the light references' level above the dark one. */
    referenceLevel: z.number().positive().max(4095),
    umPerPxAcross: z.number().positive().max(10_000),
    umPerPxAlong: z.number().positive().max(10_000),
    /** Standard deviation of the point spread function of lens and sensor, px, and where it comes from. */
    blurPx: z.number().min(0).max(20),
    blurFrom: z.enum(['edge', 'stated']),
    /** Way of the product during the exposure, px along; 0 where it stands or was not stated. */
    exposureBlurPx: z.number().min(0).max(100),
    /** Temporal noise: its variance at a level above dark is read^2 + shot^2 * level / (2^bitDepth - 1). */
    noise: z.strictObject({ read: z.number().min(0).max(4095), shot: z.number().min(0).max(4095) }),
    /** Rows that the references had. */
    rows: z.strictObject({ dark: z.int().min(1), light: z.int().min(1) }),
    badColumns: z.array(z.strictObject({ column: columnSchema, reason: z.enum(badColumnReasons) })).max(4096),
    /** Level of each column without light. */
    dark: z.array(z.number().min(0).max(4095)),
    /** Factor of each column; 1 for a bad one. */
    gain: z.array(z.number().min(gainRange.least).max(gainRange.most)),
  })
  .superRefine((profile, context) => {
    for (const key of ['dark', 'gain'] as const) {
      if (profile[key].length === profile.width) continue
      const message = `valid is: one for each of the ${profile.width} columns; there are ${profile[key].length}`
      context.addIssue({ code: 'custom', path: [key], message })
    }
    profile.badColumns.forEach(({ column }, at) => {
      const before = at === 0 ? -1 : profile.badColumns[at - 1]!.column
      if (column > before && column < profile.width) return
      const message = `valid is: rising columns below ${profile.width}`
      context.addIssue({ code: 'custom', path: ['badColumns', at, 'column'], message })
    })
    if (profile.badColumns.length === profile.width) {
      context.addIssue({ code: 'custom', path: ['badColumns'], message: 'valid is: at least one column that is good' })
    }
  })

export type CalibrationProfile = z.output<typeof calibrationProfileSchema>

/** Reads a profile; throws `not_found` or `invalid_argument` that names the file and everything that is wrong in it. */
export async function readCalibrationProfile(path: string): Promise<CalibrationProfile> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const code = cause.code === 'ENOENT' ? 'not_found' : 'invalid_argument'
    const message = `Calibration ${path} cannot be read (${cause.code}); make one with \`pelletline calibrate\`.`
    throw new PelletlineError(code, message, { cause })
  })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    const message = `Calibration ${path} is no JSON: ${(cause as Error).message}; make it anew with \`pelletline calibrate\`.`
    throw new PelletlineError('invalid_argument', message, { cause })
  }
  return parseConfig(calibrationProfileSchema, json, `Calibration ${path}`)
}

/** Writes a profile, one line for each of the two arrays; an existing file is replaced whole. */
export async function writeCalibrationProfile(path: string, profile: CalibrationProfile): Promise<void> {
  const { dark, gain, ...facts } = calibrationProfileSchema.parse(profile)
  const head = JSON.stringify(facts, undefined, 2).replace(/\n}$/, '')
  await writeFileAtomically(path, [
    `${head},\n  "dark": ${JSON.stringify(dark)},\n  "gain": ${JSON.stringify(gain)}\n}\n`,
  ])
}
