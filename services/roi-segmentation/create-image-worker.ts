import { Worker } from 'node:worker_threads'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type SegmentImageRequest,
  SegmentImageRequestSchema,
  type SegmentImageResponse,
  SegmentImageResponseSchema,
} from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import type { ImageReply, ImageRequest } from './image-worker.ts'
import type { SegmentImageLimits } from './segment-image-call.ts'
import { errorOf } from './worker-failure.ts'

export interface ImageWorkerOptions {
  readonly limits: SegmentImageLimits
  /** Images that may wait or be in work; one more is refused with `resource_exhausted`. */
  readonly maxImages: number
}

/** A worker thread for single images; it starts with the first. */
export interface ImageWorker {
  /** Segments one image, after those before it. Rejects with what is wrong with the image, with `unavailable` where the worker dies. */
  segment(request: SegmentImageRequest): Promise<SegmentImageResponse>
  /** Ends the worker; what is in work is refused with `unavailable`. */
  close(): Promise<void>
}

interface Job {
  readonly resolve: (response: SegmentImageResponse) => void
  readonly reject: (reason: PelletlineError) => void
}

/** Creates the worker; its thread starts with the first image, and anew after it has died. */
export function createImageWorker({ limits, maxImages }: ImageWorkerOptions): ImageWorker {
  const jobs = new Map<number, Job>()
  let worker: Worker | undefined
  let count = 0
  let closed = false

  function startWorker(): Worker {
    const started = new Worker(new URL('./image-worker.ts', import.meta.url), { name: 'image-worker' })
    started.on('message', (reply: ImageReply) => {
      const job = jobs.get(reply.job)
      jobs.delete(reply.job)
      if (jobs.size === 0) started.unref()
      if (reply.kind === 'done') job?.resolve(fromBinary(SegmentImageResponseSchema, reply.response))
      else job?.reject(errorOf(reply))
    })
    started.on('error', (cause) => bury(started, `The image worker died: ${(cause as Error).message}`, cause))
    started.on('exit', () => bury(started, 'The image worker ended.'))
    return started
  }

  function bury(dead: Worker, what: string, cause?: unknown): void {
    if (worker !== dead) return
    worker = undefined
    for (const job of jobs.values()) {
      job.reject(new PelletlineError('unavailable', `${what} Send the image again.`, { retryAfterMs: 100, cause }))
    }
    jobs.clear()
  }

  return {
    async segment(request) {
      if (closed) throw new PelletlineError('unavailable', 'Segmentation is shutting down; send the image elsewhere.')
      if (jobs.size >= maxImages) {
        const message = `${jobs.size} images are waiting, the most that are allowed (maxImages); send this one later.`
        throw new PelletlineError('resource_exhausted', message, { retryAfterMs: 1000 })
      }
      worker ??= startWorker()
      worker.ref()
      const job = count++
      const bytes = toBinary(SegmentImageRequestSchema, request)
      const { promise, resolve, reject } = Promise.withResolvers<SegmentImageResponse>()
      jobs.set(job, { resolve, reject })
      worker.postMessage({ job, request: bytes, limits } satisfies ImageRequest, [bytes.buffer as ArrayBuffer])
      return promise
    },
    async close() {
      closed = true
      const living = worker
      if (living === undefined) return
      bury(living, 'Segmentation is shutting down.')
      await living.terminate()
    },
  }
}
