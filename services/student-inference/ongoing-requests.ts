import { createNotifier } from '../shared/queue/notifier.ts'

/** Requests whose answers take several steps; a drain waits for them. */
export interface OngoingRequests {
  /** Counts a request; the returned function, to be called once, tells its end. */
  enter(): () => void
  /** Resolves once there is none. */
  none(): Promise<void>
}

/** Creates the count, without a request. */
export function createOngoingRequests(): OngoingRequests {
  const ended = createNotifier()
  let count = 0
  return {
    enter() {
      count += 1
      return () => {
        count -= 1
        ended.notify()
      }
    },
    async none() {
      while (count > 0) await ended.changed()
    },
  }
}
