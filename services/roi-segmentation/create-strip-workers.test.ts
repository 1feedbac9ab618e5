import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { StripHeaderSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { systemClock } from '../shared/service/clock.ts'
import { createStripWorkers, type StripInWork, type StripWorkers } from './create-strip-workers.ts'

/** The first strip of a run, of one empty row. */
function emptyStrip(width: number): StripInWork {
  const header = create(StripHeaderSchema, {
    key: { plant: 'plant', line: 'line', camera: 'camera', run: 'run', strip: 0n },
    rows: 1,
    width,
    threshold: 100,
    medianAreaPx: 300,
    minAreaPx: 20,
    cropScale: 1,
  })
  return { header, pixels: new Uint8Array(width), receivedUnixNs: 0n, context: false }
}

async function withWorkers(maxPelletRows: number, use: (workers: StripWorkers) => Promise<void>): Promise<void> {
  const limits = { maxPelletRows, maxPelletsPerStrip: 100 }
  const workers = createStripWorkers({ workers: 1, maxRuns: 4, limits, clock: systemClock })
  try {
    await use(workers)
  } finally {
    await workers.close()
  }
}

describe('createStripWorkers', () => {
  it('refuses a run that no worker can open and leaves the other runs of the worker alone', async () => {
    await withWorkers(1024, async (workers) => {
      const good = workers.openRun({ width: 128, resumed: false })
      // Wider than the proto allows: as if the check before it and the kernel disagreed.
      const bad = workers.openRun({ width: 70_000, resumed: false })
      await assert.rejects(bad.segment(emptyStrip(70_000)), {
        code: 'invalid_argument',
        message: /width/,
        retryable: false,
      })
      assert.equal((await good.segment(emptyStrip(128))).pellets, 0)
      assert.equal(workers.threads, 1)
    })
  })

  it('refuses a run that no memory can hold for good: to try again would refuse it again', async () => {
    await withWorkers(65_535, async (workers) => {
      const run = workers.openRun({ width: 65_535, resumed: false })
      await assert.rejects(run.segment(emptyStrip(65_535)), {
        code: 'resource_exhausted',
        message: /lower maxPelletRows/,
        retryable: false,
      })
    })
  })
})
