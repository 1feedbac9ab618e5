import { type ErrorCode, PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createKernelMemory, type KernelMemory } from '../shared/wasm/start-kernel.ts'
import { createSharedSlots, type SharedSlots } from './shared-slots.ts'

/** Memory and kernel of one run in a worker. The runs after it have them in turn: memory is given back by the collector only. */
export interface KernelRoom {
  /** Number by which the worker knows it. */
  readonly stream: number
  /** Pixels per row. */
  readonly width: number
  readonly memory: KernelMemory
  /** Places in its memory for strips. */
  readonly slots: SharedSlots
  /** Takes part in what the room's run asks of the worker: no other run has the room before it is settled. */
  watch(strip: Promise<unknown>): void
  /** Ends the run. */
  leave(): void
}

/** The rooms of one worker, never more than it had runs at one time. */
export interface KernelRooms {
  /** A room that was left, or a new one; a retryable `resource_exhausted` where there is no address space for its memory. */
  take(width: number): KernelRoom
}

export interface KernelRoomsOptions {
  /** Most memory of one room. */
  readonly maxBytes: number
  readonly nextStream: () => number
  /** Has the worker forget a room. */
  readonly forget: (stream: number) => void
}

/** What is refused before the kernel has begun: it can go on with another run. */
const harmless: ReadonlySet<ErrorCode> = new Set(['invalid_argument', 'failed_precondition', 'unimplemented'])

/** Creates a worker without rooms. */
export function createKernelRooms({ maxBytes, nextStream, forget }: KernelRoomsOptions): KernelRooms {
  const free: KernelRoom[] = []

  function create(width: number): KernelRoom {
    const memory = reserveMemory(maxBytes)
    const stream = nextStream()
    let inWork = 0
    let isLeft = false
    let isSpoilt = false
    const giveBack = () => {
      if (!isLeft || inWork > 0) return
      isLeft = false
      if (isSpoilt) forget(stream)
      else free.push(room)
    }
    const room: KernelRoom = {
      stream,
      width,
      memory,
      slots: createSharedSlots(memory),
      watch(strip) {
        inWork++
        const settle = () => {
          inWork--
          giveBack()
        }
        strip.then(settle, (reason: { readonly code?: ErrorCode }) => {
          isSpoilt ||= reason.code === undefined || !harmless.has(reason.code)
          settle()
        })
      },
      leave() {
        isLeft = true
        giveBack()
      },
    }
    return room
  }

  return {
    take(width) {
      const fitting = free.findIndex((room) => room.width === width)
      if (fitting >= 0) return free.splice(fitting, 1)[0]!
      // Before the new one: its address space may be what is missing.
      const other = free.shift()
      if (other !== undefined) forget(other.stream)
      return create(width)
    },
  }
}

function reserveMemory(maxBytes: number): KernelMemory {
  try {
    return createKernelMemory(maxBytes)
  } catch (cause) {
    throw new PelletlineError(
      'resource_exhausted',
      `There is no address space for one more run, which reserves more than the ${maxBytes} bytes that it may fill; raise the ` +
        "process's limit (ulimit -v), lower maxRuns, or wait for a run to end.",
      { retryAfterMs: 1000, cause },
    )
  }
}
