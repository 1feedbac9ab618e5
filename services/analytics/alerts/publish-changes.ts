import type { Logger } from '../../shared/telemetry/logger.ts'
import type { AlertBook } from './alert-book.ts'

export interface ChangePublisherOptions {
  readonly book: Pick<AlertBook, 'publishPending'>
  /** Whether publishing is still this process's to do. */
  readonly stillLeads: () => Promise<boolean>
  readonly logger: Logger
  /** Ends a publication that waits. */
  readonly signal: AbortSignal
}

/** Publishes changes of alerts beside whatever else goes on: a bus that takes none holds up nothing but them. */
export interface ChangePublisher {
  /** Asks for what is unpublished to be published; one publication runs at a time, and at most one more follows it. */
  wake(): void
  /** Resolves once no publication runs. */
  settle(): Promise<void>
}

/** Creates the publisher; what could not be published stays in the books and is tried again at the next `wake`. */
export function createChangePublisher({ book, stillLeads, logger, signal }: ChangePublisherOptions): ChangePublisher {
  let running: Promise<void> | undefined
  let again = false
  const run = async () => {
    try {
      do {
        again = false
        await book.publishPending(signal, stillLeads)
      } while (again)
    } catch (reason) {
      if (!signal.aborted)
        logger.error({ err: reason }, 'changes of alerts could not be published; they are tried again')
    } finally {
      running = undefined
    }
  }
  return {
    wake() {
      if (running === undefined) running = run()
      else again = true
    },
    async settle() {
      while (running !== undefined) await running
    },
  }
}
