import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createRecording } from '../shared/recording/index.ts'
import { type ReferenceKind, renderReference } from './render/render-reference.ts'
import { type LineSettingsInput, resolveLineSettings } from './settings.ts'

export interface SimulateReferenceOptions {
  /** Path of the recording. */
  readonly out: string
  readonly kind: ReferenceKind
  readonly rows: number
  readonly seed: number
  readonly settings?: LineSettingsInput
  readonly onProgress?: (doneRows: number) => void
  readonly signal?: AbortSignal
}

/** Row 0 of every simulated recording: 2025-01-01T00:00:00Z. */
const startUnixNs = 1_735_689_600_000_000_000n

/** Records what a simulated line's camera sees of a dark or a light reference. Returns the strips; throws `cancelled` on abort, and what `createRecording` throws. */
export async function simulateReference(options: SimulateReferenceOptions): Promise<{ readonly strips: number }> {
  const { out, kind, rows, seed, signal } = options
  const settings = resolveLineSettings(options.settings)
  const { width, stripRows, rowsPerSecond, umPerPxAcross, umPerPxAlong } = settings
  const writer = await createRecording(out, {
    width,
    pixelFormat: 'mono8',
    polarity: settings.optics.polarity,
    umPerPxAcross,
    umPerPxAlong,
    rowsPerSecond,
    line: 'simulated-line',
    camera: 'camera-1',
    run: `${kind}-${seed}`,
    simulated: true,
    extra: { reference: kind, seed, settings },
  })
  let strip = 0
  try {
    for (let firstRow = 0; firstRow < rows; firstRow += stripRows, strip++) {
      if (signal?.aborted) throw new PelletlineError('cancelled', `Simulating ${out} stopped before row ${firstRow}.`)
      const height = Math.min(stripRows, rows - firstRow)
      await writer.write({
        strip,
        firstRow,
        rows: height,
        rowsLostBefore: 0,
        exposedUnixNs: startUnixNs + BigInt(Math.round((1e9 * firstRow) / rowsPerSecond)),
        encoder: BigInt(firstRow),
        lotBegins: false,
        runEnds: firstRow + height >= rows,
        pixels: renderReference(kind, settings, seed, firstRow, height),
      })
      options.onProgress?.(firstRow + height)
    }
  } catch (reason) {
    // Why it broke off says more than what fails after it.
    await Promise.allSettled([writer.close()])
    throw reason
  }
  await writer.close()
  return { strips: strip }
}
