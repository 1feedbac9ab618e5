import { basename } from 'node:path'
import { buildCalibration } from '../../shared/calibration/build-calibration.ts'
import {
  type CalibrationProfile,
  readCalibrationProfile,
  writeCalibrationProfile,
} from '../../shared/calibration/calibration-profile.ts'
import { compareCalibrations } from '../../shared/calibration/compare-calibrations.ts'
import { measureEdgeBlur } from '../../shared/calibration/measure-edge-blur.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { writeFileAtomically } from '../../shared/files/write-file-atomically.ts'
import { renderSvgAsPng } from '../../shared/images/render-svg.ts'
import type { SpeckDemand } from '../../shared/vision/smallest-speck.ts'
import type { PixelSize } from '../parse-option.ts'
import type { Terminal } from '../terminal.ts'
import { describeCalibration, describeDrift, statedSpeck } from './describe-calibration.ts'
import { drawCalibration } from './draw-calibration.ts'
import type { CalibrateOptions } from './options.ts'
import { type ReadReference, readLevels, readReference } from './read-reference.ts'

const suffix = '.calibration.json'

/** Makes a calibration, or with `--check` compares one with fresh references; returns the exit code, 1 where one has drifted. */
export async function runCalibrate(
  options: CalibrateOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  if (options.check !== undefined) return checkCalibration(options.check, options, terminal, signal)
  if (options.out === undefined) throw refuse('Where to? Give --out NAME.calibration.json, or --check FILE to compare.')
  const name = nameOf(options.out)
  const profile = await calibrate(name, options, Number(options.bits ?? '8') as 8 | 10 | 12, signal)
  await writeCalibrationProfile(options.out, profile)
  if (options.plot !== undefined) await writePlot(options.plot, profile)
  const demand = demandOf(options)
  const speck = statedSpeck(profile, demand)
  const { dark: _dark, gain: _gain, ...facts } = profile
  terminal.printJson({ file: options.out, ...facts, smallestSpeckPx: speck.px, smallestSpeckUm: speck.um })
  if (!terminal.json) printFacts(terminal, describeCalibration(profile, demand))
  terminal.note(`Wrote ${options.out}${options.plot === undefined ? '' : ` and ${options.plot}`}.`)
  return 0
}

async function checkCalibration(
  file: string,
  options: CalibrateOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const known = await readCalibrationProfile(file)
  if (options.bits !== undefined && Number(options.bits) !== known.bitDepth) {
    throw refuse(`${file} is for ${known.bitDepth} bit, --bits says ${options.bits}; leave it out.`)
  }
  const stated = { umPerPx: { acrossUm: known.umPerPxAcross, alongUm: known.umPerPxAlong }, blur: known.blurPx }
  const fresh = await calibrate('fresh', { ...options, ...stated }, known.bitDepth, signal)
  if (fresh.width !== known.width) {
    throw refuse(`${file} is for ${known.width} columns, the references have ${fresh.width}; take those of its camera.`)
  }
  const drift = compareCalibrations(known, fresh)
  const holds = drift.reasons.length === 0
  terminal.printJson({ file, holds, ...drift })
  if (!terminal.json) printFacts(terminal, describeDrift(drift))
  terminal.note(
    holds
      ? `${file} still holds.`
      : `${file} holds no more: ${drift.reasons.join('; ')}. Clean the window, then calibrate anew.`,
  )
  return holds ? 0 : 1
}

async function calibrate(
  name: string,
  options: CalibrateOptions,
  bitDepth: 8 | 10 | 12,
  signal: AbortSignal,
): Promise<CalibrationProfile> {
  const dark = await readAll(options.dark, bitDepth, signal)
  const light = await readAll(options.light, bitDepth, signal)
  const size = options.umPerPx ?? [...light, ...dark].find(({ umPerPx }) => umPerPx !== undefined)?.umPerPx
  if (size === undefined) throw refuse('Images do not say how large a pixel is; give --um-per-px ACROSS[,ALONG].')
  const references = { dark: dark.map(({ measures }) => measures), light: light.map(({ measures }) => measures) }
  return buildCalibration(references, {
    name,
    createdAt: new Date().toISOString(),
    umPerPxAcross: size.acrossUm,
    umPerPxAlong: size.alongUm,
    ...(await blurOf(options, bitDepth)),
    exposureBlurPx: exposureBlurOf(options, size),
  })
}

async function readAll(files: readonly string[], bitDepth: 8 | 10 | 12, signal: AbortSignal): Promise<ReadReference[]> {
  const references: ReadReference[] = []
  for (const file of files) references.push(await readReference(file, bitDepth, signal))
  return references
}

async function blurOf(
  { edge, blur }: CalibrateOptions,
  bitDepth: 8 | 10 | 12,
): Promise<Pick<CalibrationProfile, 'blurPx' | 'blurFrom'>> {
  if (edge !== undefined) {
    const { levels, width } = await readLevels(edge, bitDepth)
    const blurPx = measureEdgeBlur(levels, width, 2 ** bitDepth - 1, edge)
    return { blurPx: Math.round(blurPx * 1000) / 1000, blurFrom: 'edge' }
  }
  if (blur !== undefined) return { blurPx: blur, blurFrom: 'stated' }
  throw refuse('How sharp is the picture? Give --edge IMAGE of a sharp edge, or state the blur by --blur PX.')
}

/** Way of the product during the exposure, px along. */
function exposureBlurOf({ speed, exposure }: CalibrateOptions, { alongUm }: PixelSize): number {
  if (speed === undefined && exposure === undefined) return 0
  if (speed === undefined || exposure === undefined) {
    throw refuse('The way during the exposure needs both --speed (mm/s) and --exposure (µs).')
  }
  // mm/s times µs is nm.
  return Math.round((speed * exposure) / alongUm) / 1000
}

function nameOf(out: string): string {
  const name = basename(out).slice(0, -suffix.length)
  if (!out.endsWith(suffix) || !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(name)) {
    throw refuse(
      `--out ${out} names no calibration; give NAME${suffix}, NAME of 1 to 128 letters, digits, ".", "_" and "-".`,
    )
  }
  return name
}

async function writePlot(file: string, profile: CalibrationProfile): Promise<void> {
  const svg = await drawCalibration(profile)
  await writeFileAtomically(file, [file.endsWith('.png') ? await renderSvgAsPng(svg) : svg])
}

function demandOf({ contrast, productGray, falseCalls, pelletArea }: CalibrateOptions): SpeckDemand {
  return { contrast, productGray, falseCallsPerMillion: falseCalls, pelletAreaPx: pelletArea }
}

function printFacts(terminal: Terminal, facts: readonly (readonly [string, string])[]): void {
  terminal.printTable([{ title: 'What' }, { title: 'Value' }], facts)
}

function refuse(message: string): PelletlineError {
  return new PelletlineError('invalid_argument', message)
}
