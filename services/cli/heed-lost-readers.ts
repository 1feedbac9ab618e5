import type { EventEmitter } from 'node:events'

/** The part of a process that is used; injected in tests. */
export interface OutputProcess {
  readonly pid: number
  readonly stdout: Pick<EventEmitter, 'on'>
  readonly stderr: Pick<EventEmitter, 'on'>
  exit(code: number): void
  kill(pid: number, signal: 'SIGTERM'): unknown
}

/** What becomes of a process whose output nobody reads any more. */
export interface LostReaders {
  /** From now on the process runs a service: it is told to end as by SIGTERM, so that it drains. */
  drain(): void
}

/** A pipe whose reader has gone, and a terminal that was closed. */
const lostReader = new Set(['EPIPE', 'EIO'])

/**
 * Looks after the outputs of a process whose reader goes away early (`| head`, `| tee` that dies, a closed terminal). For a
 * command that is no error: without a reader of its answer it ends with 0, and without one of its remarks it goes on.
 */
export function heedLostReaders(process: OutputProcess): LostReaders {
  let runsService = false
  let told = false
  const heed = (onLost: () => void) => (error: NodeJS.ErrnoException) => {
    if (!lostReader.has(error.code ?? '')) throw error
    if (!runsService) return onLost()
    // Every later write fails as well.
    if (told) return
    told = true
    process.kill(process.pid, 'SIGTERM')
  }
  process.stdout.on(
    'error',
    heed(() => process.exit(0)),
  )
  process.stderr.on(
    'error',
    heed(() => undefined),
  )
  return {
    drain() {
      runsService = true
    },
  }
}
