import { open } from 'node:fs/promises'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createRecording, type RecordingHeader, type StripCoding, writing } from '../shared/recording/index.ts'
import type { Fault } from './faults.ts'
import { createSimulatedLine, type LineCounters } from './live/simulated-line.ts'
import { type LineSettingsInput, resolveLineSettings } from './settings.ts'

export interface SimulateRecordingOptions {
  /** Path of the recording; the truth goes to `OUT.truth.jsonl`. */
  readonly out: string
  /** Seconds of belt. */
  readonly seconds: number
  readonly seed: number
  readonly settings?: LineSettingsInput
  readonly faults?: readonly Fault[]
  readonly coding?: StripCoding
  /** Name of the line, camera and run in the recording; default simulated-line, camera-1, seed-S. */
  readonly line?: string
  readonly onProgress?: (doneSeconds: number, seconds: number) => void
  readonly signal?: AbortSignal
}

export interface SimulatedRecording extends LineCounters {
  readonly recording: string
  readonly truth: string
}

/** Row 0 of every simulated recording: 2025-01-01T00:00:00Z, so that the same seed gives the same bytes. */
const startUnixNs = 1_735_689_600_000_000_000n

/**
 * Simulates a line into a recording with the truth beside it, as fast as it renders. The same options give the same
 * bytes. Aborting throws `cancelled` and leaves what is there readable; so does a file that cannot be written, by its name and
 * with `resource_exhausted` where the disk is full.
 */
export async function simulateRecording(options: SimulateRecordingOptions): Promise<SimulatedRecording> {
  const { out, seconds, seed, faults = [], signal } = options
  if (!(seconds > 0))
    throw new PelletlineError('invalid_argument', `Seconds to simulate is ${seconds}; more than 0 is expected.`)
  const settings = resolveLineSettings(options.settings)
  const line = createSimulatedLine({
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    seed,
    faults,
    seconds,
    speed: 0,
    truthList: true,
    startUnixNs,
    ...(signal === undefined ? {} : { signal }),
  })
  const header: RecordingHeader = {
    width: settings.width,
    pixelFormat: 'mono8',
    polarity: settings.optics.polarity,
    umPerPxAcross: settings.umPerPxAcross,
    umPerPxAlong: settings.umPerPxAlong,
    rowsPerSecond: settings.rowsPerSecond,
    line: options.line ?? 'simulated-line',
    camera: 'camera-1',
    run: `seed-${seed}`,
    simulated: true,
    extra: { seed, settings, faults },
  }
  const coding = options.coding === undefined ? {} : { coding: options.coding }
  const truthPath = `${out}.truth.jsonl`
  const writer = await createRecording(out, header, coding)
  const closes = [() => writer.close()]
  try {
    const truth = await writing(truthPath, () => open(truthPath, 'w'))
    closes.push(() => writing(truthPath, () => truth.close()))
    for await (const strip of line) {
      await writer.write(strip)
      const lines = (strip.pellets ?? []).map((pellet) => `${JSON.stringify(pellet)}\n`).join('')
      await writing(truthPath, () => truth.appendFile(lines))
      options.onProgress?.((strip.firstRow + strip.rows) / settings.rowsPerSecond, seconds)
    }
  } catch (reason) {
    // Why it broke off says more than what fails after it.
    await Promise.allSettled(closes.map((close) => close()))
    throw reason
  }
  await Promise.all(closes.map((close) => close()))
  return { recording: out, truth: truthPath, ...line.counters }
}
