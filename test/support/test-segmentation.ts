import type { SegmentStripsRequest } from '../../services/gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { SegmentationService } from '../../services/gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'
import { createNotifier } from '../../services/shared/queue/notifier.ts'
import { implement } from '../../services/shared/rpc/implement.ts'

/** What the test's segmentation saw of a strip. */
export interface SeenStrip {
  /** Streams are numbered from 0. */
  readonly stream: number
  readonly run: string
  readonly strip: number
  readonly request: SegmentStripsRequest
}

/**
 * A segmentation that finds nothing: it answers every strip at once, or when the test lets it, and keeps the last `lag`
 * strips as if a pellet were open in them.
 */
export function createTestSegmentation({ lag = 0 }: { lag?: number } = {}) {
  const notifier = createNotifier()
  const seen: SeenStrip[] = []
  let streams = 0
  let open = Number.POSITIVE_INFINITY
  let failure: PelletlineError | undefined
  let areas: number[] = []

  const implementation = implement(SegmentationService, {
    segmentImage: () => Promise.reject(new PelletlineError('unimplemented', 'not needed here')),
    async *segmentStrips(requests, { signal }) {
      const stream = streams++
      for await (const request of requests) {
        const { key, runEnds } = request.header!
        seen.push({ stream, run: key!.run, strip: Number(key!.strip), request })
        notifier.notify()
        while (open === 0 && failure === undefined && !signal.aborted) await notifier.changed(signal)
        if (signal.aborted) return
        if (failure !== undefined) {
          const thrown = failure
          failure = undefined
          throw thrown
        }
        open--
        const kept = runEnds ? 0n : BigInt(lag)
        const nextStrip = key!.strip + 1n > kept ? key!.strip + 1n - kept : 0n
        yield { strip: key!.strip, nextStrip, singleAreaPx: areas, credits: 3 }
      }
    },
  })

  return {
    implementation,
    seen,
    /** Numbers of the strips seen of a run, repetitions included. */
    strips: (run: string) => seen.filter((entry) => entry.run === run).map((entry) => entry.strip),
    /** Lets `count` more strips be answered; holds those after them. */
    answer(count: number) {
      open = count
      notifier.notify()
    },
    /** Breaks the stream that asks next, once. */
    fail(error: PelletlineError) {
      failure = error
      notifier.notify()
    },
    /** Areas in every answer from now on. */
    setAreas(areasPx: number[]) {
      areas = areasPx
    },
    /** Resolves once `done` holds for what was seen. */
    async until(done: (seen: readonly SeenStrip[]) => boolean) {
      for (;;) {
        const changed = notifier.changed()
        if (done(seen)) return
        await changed
      }
    },
  }
}
