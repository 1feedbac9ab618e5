import { parentPort, workerData } from 'node:worker_threads'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { pelletFaults } from '../faults.ts'
import { createNoiseTiles } from '../render/noise-tiles.ts'
import { createLineRenderer } from '../render/render-rows.ts'
import { bandRowsOf } from '../scene/place-pellets.ts'
import { createLostRows, cutStrips } from './cut-strips.ts'
import { truthOf } from './strip-truth.ts'
import type { RingReady, StripReady, WorkerJob, WorkerMessage } from './worker-messages.ts'

const port = parentPort
if (port === null)
  throw new PelletlineError('internal', 'render-worker.ts runs as a worker thread; use createSimulatedLine.')
const post = (message: WorkerMessage): void => port.postMessage(message)
const job = workerData as WorkerJob

try {
  if (job.kind === 'strips') renderStrips(job)
  else renderRings(job)
} catch (reason) {
  const error = PelletlineError.from(reason)
  post({ type: 'failed', code: error.code, message: error.message })
}

/** Renders strip after strip into free slots; waits where none is free. */
function renderStrips(job: Extract<WorkerJob, { kind: 'strips' }>): void {
  const { settings, seed, faults, slots, slotBytes, states, list } = job
  const renderer = createLineRenderer({ settings, seed, faults })
  const lostRows = createLostRows(settings, seed, faults)
  const slotCount = states.length
  let slot = 0
  let told = 0
  for (const place of cutStrips(settings, lostRows, job.endRow ?? Number.POSITIVE_INFINITY)) {
    Atomics.wait(states, slot, 1)
    renderer.render(place.firstRow, place.rows, new Uint8Array(slots, slot * slotBytes, place.rows * settings.width))
    const end = place.firstRow + place.rows
    const truth = truthOf(renderer.pelletsEndingIn(told, end - told), lostRows, list)
    told = end
    Atomics.store(states, slot, 1)
    post({ type: 'strip', slot, place, truth } satisfies StripReady)
    slot = (slot + 1) % slotCount
  }
  post({ type: 'end' })
}

/** Renders one ring without faults, and one more for each fault that changes pellets, risen to its full. */
function renderRings(job: Extract<WorkerJob, { kind: 'ring' }>): void {
  const { settings, seed, faults, rings, periodBands, list } = job
  const tiles = createNoiseTiles()
  const rows = periodBands * bandRowsOf(settings)
  const noLoss = { next: () => undefined }
  const started = faults.filter(({ name }) => pelletFaults.includes(name)).sort((a, b) => a.atSeconds - b.atSeconds)
  for (let number = 0; number <= started.length; number++) {
    const risen = started.slice(0, number).map((fault) => ({ ...fault, atSeconds: -3600 }))
    // The second lap is kept: what reaches over from the end of a lap lies in its first rows.
    const renderer = createLineRenderer({ settings, seed, faults: risen, periodBands, tiles })
    const bytes = new Uint8Array(rings, number * rows * settings.width, rows * settings.width)
    const chunk = 512
    for (let row = 0; row < rows; row += chunk) {
      const height = Math.min(chunk, rows - row)
      renderer.render(rows + row, height, bytes.subarray(row * settings.width, (row + height) * settings.width))
      post({ type: 'progress', share: (number + (row + height) / rows) / (started.length + 1) })
    }
    const pellets = renderer.pelletsEndingIn(rows, rows)
    post({
      type: 'ring',
      number,
      lastRows: Float64Array.from(pellets, (pellet) => renderer.lastRowOf(pellet) - rows),
      classes: Uint8Array.from(pellets, (pellet) => ['OK', 'NG', 'subSize'].indexOf(pellet.class)),
      list: truthOf(pellets, noLoss, list).list,
    } satisfies RingReady)
  }
}
