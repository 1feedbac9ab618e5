import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { CropsMessageSchema } from '../gen/pelletline/events/v1/events_pb.ts'
import { StripHeaderSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { systemClock } from '../shared/service/clock.ts'
import { createLineSegmenter } from './kernel/create-line-segmenter.ts'
import { createWasmSegmenter, type WasmSegmenter } from './kernel/create-wasm-segmenter.ts'
import { createRunSegmenter, type RunSegmenter } from './segment-strip.ts'
import { stampTimes } from './stamp-times.ts'
import type {
  OpenRun,
  SegmentRequest,
  StripReply,
  StripWorkerData,
  WorkerReply,
  WorkerRequest,
} from './strip-worker-protocol.ts'
import { toParts } from './to-parts.ts'
import { describeFailure } from './worker-failure.ts'

// A worker thread: holds the segmenters of the runs given to it and turns strips into encoded messages, one at a time.
const { limits } = workerData as StripWorkerData
const port = parentPort as MessagePort
/** A run that cannot be opened is kept as its error: each of its strips is answered with it, and no other run suffers. */
const runs = new Map<number, OpenedRun | PelletlineError>()

interface OpenedRun {
  readonly run: RunSegmenter
  readonly kernel: WasmSegmenter
}

function open({ stream, width, resumed, memory }: OpenRun): OpenedRun | PelletlineError {
  try {
    const before = runs.get(stream)
    // Nothing else may begin in a memory that a kernel has begun in.
    if (before instanceof PelletlineError) return before
    before?.kernel.restart(resumed)
    const kernel = before?.kernel ?? createWasmSegmenter({ width, resumed, memory })
    return { run: createRunSegmenter(createLineSegmenter({ width, resumed, kernel }), limits), kernel }
  } catch (reason) {
    return PelletlineError.from(reason)
  }
}

function segment(request: SegmentRequest): StripReply {
  const opened = runs.get(request.stream)
  if (opened === undefined) {
    throw new PelletlineError(
      'internal',
      `Stream ${request.stream} is not open in this worker; report it with the log.`,
    )
  }
  if (opened instanceof PelletlineError) throw opened
  const header = fromBinary(StripHeaderSchema, request.header)
  const beganNs = systemClock.nowNs() + request.clockOffsetNs
  const strip = opened.run.segment(header, pixelsOf(request, opened.kernel, header.rows))
  const endedNs = systemClock.nowNs() + request.clockOffsetNs
  const times = { receivedUnixNs: request.receivedUnixNs, beganNs, endedNs }
  const parts = request.context
    ? []
    : toParts(header, strip).map((part) => toBinary(CropsMessageSchema, stampTimes(part, times)))
  const { neededFromRow, singleAreaPx, shed } = strip
  return { parts, neededFromRow, singleAreaPx, pellets: strip.pellets.count, shed, beganNs, endedNs }
}

function pixelsOf({ pixels, sparse }: SegmentRequest, kernel: WasmSegmenter, rows: number): Uint8Array {
  if (pixels instanceof Uint8Array) return pixels
  if (sparse === undefined) return kernel.view(pixels.at, pixels.bytes)
  // The blocks may lie in pages that this thread has not seen yet.
  kernel.view(pixels.at, pixels.bytes)
  const { bitmapBytes, fill } = sparse
  return kernel.decode({ bitmapAt: pixels.at, blocksAt: pixels.at + bitmapBytes, fill }, rows)
}

function answer(request: SegmentRequest): void {
  try {
    const reply = segment(request)
    // Each part is the whole of its buffer, so it moves without a copy.
    const moved = reply.parts.map((part) => part.buffer as ArrayBuffer)
    port.postMessage({ kind: 'done', job: request.job, reply } satisfies WorkerReply, moved)
  } catch (reason) {
    port.postMessage(describeFailure(request.job, reason) satisfies WorkerReply)
  }
}

port.on('message', (request: WorkerRequest) => {
  switch (request.kind) {
    case 'open':
      runs.set(request.stream, open(request))
      return
    case 'segment':
      answer(request)
      return
    case 'close':
      runs.delete(request.stream)
      return
    default:
      request satisfies never
  }
})
