import { Worker } from 'node:worker_threads'
import { toBinary } from '@bufbuild/protobuf'
import { type StripHeader, StripHeaderSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { type Clock, systemClock } from '../shared/service/clock.ts'
import type { SparsePixels } from '../shared/strips/block-layout.ts'
import { createKernelRooms, type KernelRoom, type KernelRooms } from './kernel-rooms.ts'
import type { SegmentationLimits } from './segment-strip.ts'
import type { SharedSlot } from './shared-slots.ts'
import type { StripReply, StripWorkerData, WorkerReply, WorkerRequest } from './strip-worker-protocol.ts'
import { errorOf } from './worker-failure.ts'

export interface StripWorkersOptions {
  /** Most worker threads; they start when a run needs one and are kept. */
  readonly workers: number
  /** Most runs that may be open at once; each has memory of its own in its worker. */
  readonly maxRuns: number
  readonly limits: SegmentationLimits
  readonly clock: Clock
  /** Program of the workers; the service's own where absent. */
  readonly workerUrl?: URL
}

/** One strip as a run takes it. */
export interface StripInWork {
  readonly header: StripHeader
  /** All pixels, or the blocks of a sparse strip. */
  readonly pixels: Uint8Array
  /** What makes a strip of the blocks, checked; undefined where all pixels are there. */
  readonly sparse?: Pick<SparsePixels, 'bitmap' | 'fill'> | undefined
  readonly receivedUnixNs: bigint
  readonly context: boolean
}

/** A run in a worker. */
export interface WorkerRun {
  /**
   * Segments the next strip. The pixels may be changed once the promise is settled, not before. Rejects with what the
   * kernel refuses, and with a retryable `unavailable` where the worker died: the run has to be resumed then.
   */
  segment(strip: StripInWork): Promise<StripReply>
  close(): void
}

/** Worker threads that segment, each run in one of them, so that the event loop stays free. */
export interface StripWorkers {
  /** Opens a run in the worker with the fewest; `resource_exhausted` where too many are open. */
  openRun(options: { readonly width: number; readonly resumed: boolean }): WorkerRun
  /** Worker threads that have been started and live. */
  readonly threads: number
  /** Ends all workers; strips in work are refused with `unavailable`. */
  close(): Promise<void>
}

/** Most memory of one run: its strips in work, and the kernel's buffers, which follow the width and maxPelletRows. */
const maxRunBytes = 2 ** 31

interface Job {
  readonly resolve: (reply: StripReply) => void
  readonly reject: (reason: PelletlineError) => void
}

interface Seat {
  readonly worker: Worker
  readonly jobs: Map<number, Job>
  readonly rooms: KernelRooms
  runs: number
  alive: boolean
}

/** Creates the workers; a thread starts when a run finds none that is idle, and a dead one is not kept. */
export function createStripWorkers(options: StripWorkersOptions): StripWorkers {
  const { workers, maxRuns, limits, clock, workerUrl = new URL('./strip-worker.ts', import.meta.url) } = options
  const seats = new Set<Seat>()
  let streams = 0
  let jobs = 0
  let closed = false

  function startSeat(): Seat {
    const worker = new Worker(workerUrl, { workerData: { limits } satisfies StripWorkerData, name: 'strip-worker' })
    const rooms = createKernelRooms({
      maxBytes: maxRunBytes,
      nextStream: () => streams++,
      forget: (stream) => ask(seat, { kind: 'close', stream }),
    })
    const seat: Seat = { worker, jobs: new Map(), rooms, runs: 0, alive: true }
    worker.on('message', (reply: WorkerReply) => settle(seat, reply))
    worker.on('error', (cause) => bury(seat, `A segmentation worker died: ${(cause as Error).message}`, cause))
    worker.on('exit', () => bury(seat, 'A segmentation worker ended.'))
    // An idle worker must not keep the process; strips in work are awaited by whoever sent them.
    worker.unref()
    seats.add(seat)
    return seat
  }

  function settle(seat: Seat, reply: WorkerReply): void {
    const job = seat.jobs.get(reply.job)
    if (job === undefined) return
    seat.jobs.delete(reply.job)
    if (seat.jobs.size === 0) seat.worker.unref()
    if (reply.kind === 'done') job.resolve(reply.reply)
    else job.reject(errorOf(reply))
  }

  function bury(seat: Seat, what: string, cause?: unknown): void {
    if (!seat.alive) return
    seat.alive = false
    seats.delete(seat)
    const error = new PelletlineError('unavailable', `${what} Resume the run from its first unacknowledged strip.`, {
      retryAfterMs: 100,
      cause,
    })
    for (const job of seat.jobs.values()) job.reject(error)
    seat.jobs.clear()
  }

  function chooseSeat(): Seat {
    const idlest = [...seats].sort((a, b) => a.runs - b.runs)[0]
    if (idlest === undefined || (idlest.runs > 0 && seats.size < workers)) return startSeat()
    return idlest
  }

  function ask(seat: Seat, request: WorkerRequest): void {
    if (seat.alive) seat.worker.postMessage(request)
  }

  function segment(seat: Seat, { stream, slots }: KernelRoom, strip: StripInWork): Promise<StripReply> {
    if (!seat.alive) {
      return Promise.reject(
        new PelletlineError('unavailable', 'The worker of this run has died; resume the run.', { retryAfterMs: 100 }),
      )
    }
    const { promise, resolve, reject } = Promise.withResolvers<StripReply>()
    const job = jobs++
    const { sparse } = strip
    let slot: SharedSlot
    try {
      slot = sparse === undefined ? slots.share(strip.pixels) : slots.shareBoth(sparse.bitmap, strip.pixels)
    } catch (reason) {
      return Promise.reject(PelletlineError.from(reason))
    }
    seat.jobs.set(job, { resolve, reject })
    seat.worker.ref()
    ask(seat, {
      kind: 'segment',
      stream,
      job,
      header: toBinary(StripHeaderSchema, strip.header),
      pixels: slot.pixels,
      sparse: sparse === undefined ? undefined : { bitmapBytes: sparse.bitmap.length, fill: sparse.fill },
      receivedUnixNs: strip.receivedUnixNs,
      clockOffsetNs: clock.nowNs() - systemClock.nowNs(),
      context: strip.context,
    })
    return promise.finally(() => slot.release())
  }

  return {
    get threads() {
      return seats.size
    },
    openRun({ width, resumed }) {
      if (closed) throw new PelletlineError('unavailable', 'Segmentation is shutting down; resume the run elsewhere.')
      const open = [...seats].reduce((sum, seat) => sum + seat.runs, 0)
      if (open >= maxRuns) {
        throw new PelletlineError(
          'resource_exhausted',
          `${open} runs are being segmented, the most that are allowed (maxRuns); wait for one to end or raise the limit.`,
          { retryAfterMs: 1000 },
        )
      }
      const seat = chooseSeat()
      const room = seat.rooms.take(width)
      let closedRun = false
      seat.runs++
      ask(seat, { kind: 'open', stream: room.stream, width, resumed, memory: room.memory })
      return {
        segment(strip) {
          // Its room may be another run's by now.
          if (closedRun) return Promise.reject(new PelletlineError('failed_precondition', 'The run was closed.'))
          const reply = segment(seat, room, strip)
          room.watch(reply)
          return reply
        },
        close() {
          if (closedRun) return
          closedRun = true
          seat.runs--
          room.leave()
        },
      }
    },
    async close() {
      closed = true
      const living = [...seats]
      for (const seat of living) bury(seat, 'Segmentation is shutting down.')
      await Promise.all(living.map((seat) => seat.worker.terminate()))
    },
  }
}
