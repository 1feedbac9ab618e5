import { PelletlineError } from '../errors/pelletline-error.ts'

export interface BoundedQueueOptions {
  /** Most items that wait in the queue; at least 1. */
  readonly limit: number
}

/**
 * A first-in, first-out queue that never holds more than `limit` items; it connects a callback, or many, to one async
 * iteration. Closing lets the reader take what is left; aborting drops it.
 */
export interface BoundedQueue<T> extends AsyncIterable<T> {
  /** Items waiting. */
  readonly size: number
  readonly limit: number
  /** No further push is taken. */
  readonly closed: boolean
  /**
   * Adds an item, waiting while the queue is full; waiting pushes keep their order. Rejects with `cancelled` when the
   * signal aborts (the item is not added) and with `failed_precondition` once the queue is closed, or with the reason of
   * its abort.
   */
  push(item: T, signal?: AbortSignal): Promise<void>
  /** Adds an item where there is room and nothing waits before it; false where there is not, or where the queue is closed. */
  tryPush(item: T): boolean
  /** Takes the oldest item without waiting; undefined where there is none. */
  tryShift(): T | undefined
  /** Takes the oldest item, waiting for one; undefined at the end of a closed queue. Rejects with the reason of an abort. */
  shift(signal?: AbortSignal): Promise<T | undefined>
  /** Ends the queue: waiting pushes are refused, the reader gets what is left and then the end. */
  close(): void
  /** Ends the queue at once: what is left is dropped, reader and waiting pushes get the reason. */
  abort(reason: unknown): void
}

interface Waiting<T> {
  readonly resolve: (value: T) => void
  readonly reject: (reason: unknown) => void
}

/** Puts a waiting party into `line` until it is served; it leaves the line when the signal aborts. */
function waitIn<T, W extends object>(
  line: Map<Waiting<T>, W>,
  extra: W,
  signal: AbortSignal | undefined,
  what: string,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      line.delete(waiting)
      signal?.removeEventListener('abort', onAbort)
    }
    const onAbort = () => waiting.reject(cancelled(signal, what))
    const waiting: Waiting<T> = {
      resolve: (value) => {
        leave()
        resolve(value)
      },
      reject: (reason) => {
        leave()
        reject(reason)
      },
    }
    line.set(waiting, extra)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function cancelled(signal: AbortSignal | undefined, what: string): PelletlineError {
  return new PelletlineError(
    'cancelled',
    `${what} was cancelled; nothing was moved, repeat it if it is still wanted.`,
    {
      cause: signal?.reason,
    },
  )
}

function closedError(): PelletlineError {
  return new PelletlineError('failed_precondition', 'The queue is closed and takes no further item; create a new one.')
}

/**
 * Creates a bounded queue; `undefined` cannot be an item, since it marks the end. Throws `invalid_argument` where the
 * limit is not a whole number of at least 1.
 */
export function createBoundedQueue<T extends NonNullable<unknown> | null>(
  options: BoundedQueueOptions,
): BoundedQueue<T> {
  const { limit } = options
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new PelletlineError('invalid_argument', `limit of a queue is ${limit}; give a whole number of at least 1.`)
  }
  // A head index instead of Array.shift keeps taking constant in time whatever the limit.
  let items: (T | undefined)[] = []
  let head = 0
  let state: 'open' | 'closed' | 'aborted' = 'open'
  let abortReason: unknown
  const pushers = new Map<Waiting<void>, { readonly item: T }>()
  const readers = new Map<Waiting<T | undefined>, object>()
  const size = () => items.length - head

  // Items and room are handed to whoever waits, never left lying for a latecomer: that keeps both lines in order.
  const add = (item: T) => {
    for (const reader of readers.keys()) {
      reader.resolve(item)
      return
    }
    items.push(item)
  }

  const take = (): T => {
    const item = items[head] as T
    items[head] = undefined
    head += 1
    if (head === items.length || head >= 1024) {
      items = items.slice(head)
      head = 0
    }
    for (const [pusher, waiting] of pushers) {
      items.push(waiting.item)
      pusher.resolve()
      break
    }
    return item
  }

  const queue: BoundedQueue<T> = {
    get size() {
      return size()
    },
    limit,
    get closed() {
      return state !== 'open'
    },
    tryPush(item) {
      if (state !== 'open' || size() >= limit) return false
      add(item)
      return true
    },
    async push(item, signal) {
      if (state === 'aborted') throw abortReason
      if (state === 'closed') throw closedError()
      if (signal?.aborted) throw cancelled(signal, 'Adding to a queue')
      if (size() < limit) return add(item)
      await waitIn(pushers, { item }, signal, 'Adding to a queue')
    },
    tryShift() {
      return size() > 0 ? take() : undefined
    },
    async shift(signal) {
      if (state === 'aborted') throw abortReason
      if (size() > 0) return take()
      if (state === 'closed') return undefined
      if (signal?.aborted) throw cancelled(signal, 'Taking from a queue')
      return waitIn(readers, {}, signal, 'Taking from a queue')
    },
    close() {
      if (state !== 'open') return
      state = 'closed'
      for (const pusher of [...pushers.keys()]) pusher.reject(closedError())
      for (const reader of [...readers.keys()]) reader.resolve(undefined)
    },
    abort(reason) {
      if (state === 'aborted') return
      state = 'aborted'
      abortReason = reason
      items = []
      head = 0
      for (const waiting of [...pushers.keys(), ...readers.keys()]) waiting.reject(reason)
    },
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          const item = await queue.shift()
          if (item === undefined) return
          yield item
        }
      } finally {
        // A reader that leaves early must not let its producers wait for ever.
        queue.close()
      }
    },
  }
  return queue
}
