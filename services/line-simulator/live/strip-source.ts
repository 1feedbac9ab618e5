import { Worker } from 'node:worker_threads'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { type BoundedQueue, createBoundedQueue } from '../../shared/queue/bounded-queue.ts'
import { type Fault, pelletFaults } from '../faults.ts'
import { applyLightFaults } from '../render/light-faults.ts'
import { bandRowsOf } from '../scene/place-pellets.ts'
import type { LineSettings } from '../settings.ts'
import type { PelletTruth } from '../truth/pellet-truth.ts'
import { createLostRows, cutStrips, type LostRows, type StripPlace } from './cut-strips.ts'
import { type RowsTruth, withLoss } from './strip-truth.ts'
import type { RingReady, WorkerJob, WorkerMessage } from './worker-messages.ts'

/** A strip on its way out. */
export interface SourceStrip {
  readonly place: StripPlace
  readonly truth: RowsTruth
  /** Copies the pixels out; the strip's memory may be used again once `release` was called. */
  copyPixels(): Uint8Array<ArrayBuffer>
  release(): void
}

/** Where a simulated line's strips come from. */
export interface StripSource {
  /** The next strip; undefined at the end of the run. */
  take(signal?: AbortSignal): Promise<SourceStrip | undefined>
  close(): Promise<void>
}

export interface StripSourceOptions {
  readonly settings: LineSettings
  readonly seed: number
  readonly faults: readonly Fault[]
  readonly list: boolean
  readonly endRow: number | undefined
  readonly onProgress: ((share: number) => void) | undefined
}

/** Strips rendered ahead of time without end, at most `slotCount` of them waiting. */
export function createFreshSource(options: StripSourceOptions, slotCount: number): StripSource {
  const { settings } = options
  const slotBytes = settings.stripRows * settings.width
  const slots = new SharedArrayBuffer(slotBytes * slotCount)
  const states = new Int32Array(new SharedArrayBuffer(4 * slotCount))
  const { worker, messages } = startWorker({ kind: 'strips', ...options, slots, slotBytes, states }, slotCount + 2)
  return {
    take: async (signal) => {
      const message = await messages.shift(signal)
      if (message === undefined || message.type !== 'strip') return undefined
      const { slot, place, truth } = message
      return {
        place,
        truth,
        copyPixels: () => new Uint8Array(new Uint8Array(slots, slot * slotBytes, place.rows * settings.width)),
        release: () => {
          Atomics.store(states, slot, 0)
          Atomics.notify(states, slot)
        },
      }
    },
    close: async () => {
      await worker.terminate()
    },
  }
}

/** Most bytes that rings may take. */
const maxRingBytes = 1 << 30

/**
 * Strips replayed from a ring of at least `seconds` that is rendered before the first of them is given. Light faults are
 * laid over the rows as they leave; faults that change pellets switch to a ring of their own, at once and in full.
 */
export function createRingSource(options: StripSourceOptions, seconds: number): StripSource {
  const { settings, seed, faults, endRow } = options
  const { width, rowsPerSecond } = settings
  const bandRows = bandRowsOf(settings)
  // The belt repeats after an even number of bands, at least four: its two ends are neighbours.
  const periodBands = Math.max(4, 2 * Math.ceil((seconds * rowsPerSecond) / bandRows / 2))
  const ringRows = periodBands * bandRows
  const switches = faults
    .filter(({ name }) => pelletFaults.includes(name))
    .map(({ atSeconds }) => Math.round(atSeconds * rowsPerSecond))
    .sort((a, b) => a - b)
  const bytes = ringRows * width * (switches.length + 1)
  if (bytes > maxRingBytes)
    throw new PelletlineError(
      'resource_exhausted',
      `A ring of ${seconds} s takes ${Math.ceil(bytes / 1e6)} MB with these faults; at most ${maxRingBytes / 1e6} MB are allowed: shorten the ring or take fewer faults.`,
      { retryable: false },
    )
  const rings = new SharedArrayBuffer(bytes)
  const upright: LineSettings = { ...settings, optics: { ...settings.optics, polarity: 'light-on-dark' } }
  const { worker, messages } = startWorker({ kind: 'ring', ...options, settings: upright, rings, periodBands }, 64)
  const lostRows = createLostRows(settings, seed, faults)
  const places = cutStrips(settings, lostRows, endRow)
  const ready: RingReady[] = []
  let told = 0

  const copyRows = (from: number, rows: number): Uint8Array<ArrayBuffer> => {
    const out = new Uint8Array(rows * width)
    for (let row = from; row < from + rows; ) {
      const number = switches.filter((at) => at <= row).length
      const inRing = row % ringRows
      const untilSwitch = (switches.find((at) => at > row) ?? Number.POSITIVE_INFINITY) - row
      const count = Math.min(from + rows - row, ringRows - inRing, untilSwitch)
      const start = (number * ringRows + inRing) * width
      out.set(new Uint8Array(rings, start, count * width), (row - from) * width)
      row += count
    }
    applyLightFaults(settings, seed, faults, from, rows, out)
    if (settings.optics.polarity === 'dark-on-light') for (let i = 0; i < out.length; i++) out[i] = 255 - out[i]!
    return out
  }

  return {
    take: async (signal) => {
      while (ready.length <= switches.length) {
        const message = await messages.shift(signal)
        if (message === undefined) return undefined
        if (message.type === 'ring') ready.push(message)
        else if (message.type === 'progress') options.onProgress?.(message.share)
      }
      const { value: place } = places.next()
      if (place === undefined) return undefined
      const end = place.firstRow + place.rows
      const truth = ringTruth(ready, switches, ringRows, told, end, lostRows, options.list)
      told = end
      return { place, truth, copyPixels: () => copyRows(place.firstRow, place.rows), release: () => {} }
    },
    close: async () => {
      await worker.terminate()
    },
  }
}

/** Truth about the pellets of a ring that end in rows [from, to) of the run. */
function ringTruth(
  rings: readonly RingReady[],
  switches: readonly number[],
  ringRows: number,
  from: number,
  to: number,
  lostRows: LostRows,
  list: boolean,
): RowsTruth {
  const counts = [0, 0, 0]
  const pellets: PelletTruth[] = []
  for (let row = from; row < to; ) {
    const ring = rings[switches.filter((at) => at <= row).length]!
    const lap = Math.floor(row / ringRows)
    const untilSwitch = switches.find((at) => at > row) ?? Number.POSITIVE_INFINITY
    const end = Math.min(to, (lap + 1) * ringRows, untilSwitch)
    const shift = (lap - 1) * ringRows
    ring.lastRows.forEach((last, i) => {
      if (last < row - lap * ringRows || last >= end - lap * ringRows) return
      counts[ring.classes[i]!]!++
      if (list) pellets.push(withLoss(moved(ring.list![i]!, shift, ringRows), lostRows))
    })
    row = end
  }
  return {
    pellets: counts[0]! + counts[1]! + counts[2]!,
    ng: counts[1]!,
    subSize: counts[2]!,
    list: list ? pellets : undefined,
  }
}

/** The truth of another lap: rows and ids further on (the ring was rendered as the second lap). */
function moved(truth: PelletTruth, shift: number, ringRows: number): PelletTruth {
  const ids = (shift / ringRows + 1) * idsPerRing
  return {
    ...truth,
    id: truth.id + ids,
    y: truth.y + shift,
    box: { ...truth.box, y: truth.box.y + shift },
    specks: truth.specks.map((speck) => ({ ...speck, y: speck.y + shift })),
    clusterId: truth.clusterId === null ? null : truth.clusterId + ids,
  }
}

/** Ids of one lap lie below this distance from those of the next. */
const idsPerRing = 2 ** 36

function startWorker(
  job: WorkerJob,
  limit: number,
): { readonly worker: Worker; readonly messages: BoundedQueue<WorkerMessage> } {
  const worker = new Worker(new URL('./render-worker.ts', import.meta.url), { workerData: job, name: 'render-worker' })
  const messages = createBoundedQueue<WorkerMessage>({ limit })
  worker.on('message', (message: WorkerMessage) => {
    if (message.type === 'failed') messages.abort(new PelletlineError(message.code, message.message))
    else if (message.type === 'end') messages.close()
    // Progress is the only message that may find no room: strips wait for a slot, rings are few.
    else if (!messages.tryPush(message) && message.type !== 'progress')
      messages.abort(new PelletlineError('internal', `The render worker sent more than ${limit} messages ahead.`))
  })
  worker.on('error', (error) => messages.abort(PelletlineError.from(error)))
  worker.on('exit', () => messages.close())
  return { worker, messages }
}
