import { type MessagePort, parentPort } from 'node:worker_threads'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  SegmentImageRequestSchema,
  SegmentImageResponseSchema,
} from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { answerSegmentImage, type SegmentImageLimits } from './segment-image-call.ts'
import { describeFailure, type WorkerFailure } from './worker-failure.ts'

/** Asks the worker for one image. */
export interface ImageRequest {
  readonly job: number
  /** SegmentImageRequest, encoded. */
  readonly request: Uint8Array
  readonly limits: SegmentImageLimits
}

/** What it answers: a SegmentImageResponse, encoded, or why there is none. */
export type ImageReply = { readonly kind: 'done'; readonly job: number; readonly response: Uint8Array } | WorkerFailure

// A worker thread of its own: a large image takes a second, which neither the event loop nor a line's strips can wait.
const port = parentPort as MessagePort

async function answer({ job, request, limits }: ImageRequest): Promise<void> {
  try {
    const init = await answerSegmentImage(fromBinary(SegmentImageRequestSchema, request), limits)
    const response = toBinary(SegmentImageResponseSchema, create(SegmentImageResponseSchema, init))
    port.postMessage({ kind: 'done', job, response } satisfies ImageReply, [response.buffer as ArrayBuffer])
  } catch (reason) {
    port.postMessage(describeFailure(job, reason) satisfies ImageReply)
  }
}

let last = Promise.resolve()
// One after the other, so that the memory is that of one image.
port.on('message', (request: ImageRequest) => {
  last = last.then(() => answer(request))
})
