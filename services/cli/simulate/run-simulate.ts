import { stat } from 'node:fs/promises'
import {
  type LineSettingsInput,
  parseFault,
  resolveLineSettings,
  simulateCrops,
  simulateRecording,
  simulateReference,
} from '../../line-simulator/index.ts'
import { createSegmenter } from '../../roi-segmentation/index.ts'
import { writePackedCrops } from '../../shared/dataset/packed-crops.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { formatBytes, formatCount, formatDuration } from '../format-number.ts'
import { loadSettings } from '../settings-config.ts'
import type { Terminal } from '../terminal.ts'
import type { SimulateOptions } from './options.ts'

/** Simulates a recording or packed crops, as the options say. */
export async function runSimulate(options: SimulateOptions, terminal: Terminal, signal: AbortSignal): Promise<void> {
  if (options.crops !== undefined) return simulateCropFile(options.crops, options, terminal, signal)
  if (options.reference !== undefined) return simulateReferenceFile(options.reference, options, terminal, signal)
  if (options.out !== undefined) return simulateLine(options.out, options, terminal, signal)
  throw new PelletlineError(
    'invalid_argument',
    'Nothing to simulate: give --out FILE --seconds N for a recording, or --crops FILE --count N for crops.',
  )
}

async function simulateLine(
  out: string,
  options: SimulateOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { seconds, seed } = options
  if (seconds === undefined) {
    throw new PelletlineError('invalid_argument', 'A recording needs its length: give --seconds N.')
  }
  const settings = lineSettings(options)
  const began = performance.now()
  const progress = terminal.progress('Simulating', seconds, 'seconds')
  const recorded = await simulateRecording({
    out,
    seconds,
    seed,
    settings,
    faults: (options.fault ?? []).map(parseFault),
    ...(options.coding && { coding: options.coding }),
    onProgress: (done) => progress.update(done),
    signal,
  }).finally(() => progress.end())
  const { size } = await stat(out)
  const elapsedMs = performance.now() - began
  terminal.printJson({ ...recorded, seconds, seed, bytes: size, elapsedMs: Math.round(elapsedMs) })
  if (terminal.json) return
  const million = 1_000_000 / Math.max(1, recorded.pelletsByTruth)
  terminal.printTable(
    [{ title: 'What' }, { title: 'Value', align: 'right' }],
    [
      ['Strips', formatCount(recorded.strips)],
      ['Rows', formatCount(recorded.rows)],
      ['Rows lost', formatCount(recorded.rowsLost)],
      ['Pellets by truth', formatCount(recorded.pelletsByTruth)],
      ['NG by truth', `${formatCount(recorded.ngByTruth)} (${formatCount(recorded.ngByTruth * million)} ppm)`],
      ['Specks too small to count', formatCount(recorded.subSizeByTruth)],
      ['Size', formatBytes(size)],
      ['Time', formatDuration(elapsedMs)],
    ],
  )
  terminal.note(`Wrote ${recorded.recording} and ${recorded.truth}`)
}

async function simulateReferenceFile(
  kind: 'dark' | 'light',
  options: SimulateOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { out, seconds, seed } = options
  if (out === undefined || seconds === undefined) {
    throw new PelletlineError('invalid_argument', 'A reference is a recording: give --out FILE and --seconds N.')
  }
  const settings = lineSettings(options)
  const rows = Math.max(1, Math.round(seconds * resolveLineSettings(settings).rowsPerSecond))
  const progress = terminal.progress('Simulating', rows, 'rows')
  const onProgress = (done: number) => progress.update(done)
  const { strips } = await simulateReference({ out, kind, rows, seed, settings, onProgress, signal }).finally(() =>
    progress.end(),
  )
  terminal.printJson({ recording: out, reference: kind, strips, rows, seed })
  terminal.note(`Wrote ${formatCount(rows)} rows of a ${kind} reference to ${out}.`)
}

/** Settings of a file, overruled by single options. */
function lineSettings(options: SimulateOptions): LineSettingsInput {
  const file: LineSettingsInput = options.config === undefined ? {} : loadSettings(options.config, 'simulate')
  return {
    ...file,
    ...(options.preset !== undefined && { preset: options.preset }),
    ...(options.lineWidth !== undefined && { width: options.lineWidth }),
    ...(options.rate !== undefined && { rowsPerSecond: options.rate }),
    ...(options.prevalence !== undefined && { specks: { ...file.specks, prevalence: options.prevalence } }),
  }
}

async function simulateCropFile(
  file: string,
  options: SimulateOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { count, seed } = options
  if (count === undefined) throw new PelletlineError('invalid_argument', 'How many crops? Give --count N.')
  const began = performance.now()
  const progress = terminal.progress('Simulating', count, 'crops')
  const crops = await simulateCrops({
    count,
    seed,
    ngShare: options.ngShare ?? 0.5,
    ...(options.subSizeShare !== undefined && { subSizeShare: options.subSizeShare }),
    variety: options.variety ?? 'line',
    createSegmenter,
    onProgress: (done) => progress.update(done),
    signal,
  }).finally(() => progress.end())
  await writePackedCrops(file, crops)
  const ng = crops.labels.reduce((sum, label) => sum + label, 0)
  const elapsedMs = Math.round(performance.now() - began)
  terminal.printJson({ file, count, ng, seed, source: crops.source, digest: crops.digest, elapsedMs })
  terminal.note(
    `Wrote ${formatCount(count)} crops, ${formatCount(ng)} of them NG, to ${file} in ${formatDuration(elapsedMs)}; digest ${crops.digest.slice(0, 12)}.`,
  )
}
