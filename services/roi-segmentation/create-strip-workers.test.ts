import assert from 'node:assert/strict'
import process from 'node:process'
import { describe, it } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { StripHeaderSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { systemClock } from '../shared/service/clock.ts'
import { createStripWorkers, type StripInWork, type StripWorkers } from './create-strip-workers.ts'

/** The first strip of a run, all empty. */
function emptyStrip(width: number, rows = 1): StripInWork {
  const header = create(StripHeaderSchema, {
    key: { plant: 'plant', line: 'line', camera: 'camera', run: 'run', strip: 0n },
    rows,
    width,
    threshold: 100,
    medianAreaPx: 300,
    minAreaPx: 20,
    cropScale: 1,
  })
  return { header, pixels: new Uint8Array(width * rows), receivedUnixNs: 0n, context: false }
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

  it('takes no more memory for a hundred runs than for one', async () => {
    await withWorkers(64, async (workers) => {
      const began = process.memoryUsage.rss()
      for (let i = 0; i < 100; i++) {
        const run = workers.openRun({ width: 8192, resumed: false })
        await run.segment(emptyStrip(8192, 1024))
        run.close()
      }
      const grown = process.memoryUsage.rss() - began
      assert.ok(grown < 400e6, `${grown} bytes`)
    })
  })

  it('gives the place of a run to the next one only once its strips are settled, and takes no strip of a closed run', async () => {
    await withWorkers(64, async (workers) => {
      const first = workers.openRun({ width: 128, resumed: false })
      const strips = [first.segment(emptyStrip(128)), first.segment(emptyStrip(128))]
      first.close()
      const second = workers.openRun({ width: 128, resumed: false })
      assert.equal((await second.segment(emptyStrip(128))).neededFromRow, 1)
      await strips[0]
      // The second strip began at row 0 again: refused, which leaves the kernel as it was.
      await assert.rejects(strips[1]!, { code: 'failed_precondition' })
      await assert.rejects(first.segment(emptyStrip(128)), { code: 'failed_precondition', message: /closed/ })
      const third = workers.openRun({ width: 128, resumed: false })
      assert.equal((await third.segment(emptyStrip(128))).neededFromRow, 1)
    })
  })
})
