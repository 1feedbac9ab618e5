import process from 'node:process'
import type { Worker } from 'node:worker_threads'
import { systemClock } from '../service/clock.ts'
import { leaveAtOnce } from '../service/leave-at-once.ts'
import { withinTime } from '../service/within-time.ts'

/** Longest wait for a thread that was told to end, ms: without a native call in its hands it ends within a few. */
const endLimitMs = 1_000

/** Threads of this process that were told to end and are held by a native call, which nothing can interrupt. */
const held = new Set<Worker>()
let watched = false

/**
 * Ends a thread; resolves once it has ended, or after a second where a native call holds it: it ends then as soon as that call does,
 * and neither it nor the call keeps the process from ending.
 */
export async function endThread(worker: Worker): Promise<void> {
  if (await withinTime(worker.terminate(), endLimitMs, systemClock)) return
  held.add(worker)
  worker.once('exit', () => held.delete(worker))
  worker.unref()
  if (!watched) process.on('exit', leaveHeldThreads)
  watched = true
}

/** Threads that were told to end and still hold cores and memory. */
export function heldThreads(): number {
  return held.size
}

/** Node waits at its end for every thread, however long its native call takes. */
function leaveHeldThreads(code: number): void {
  if (held.size > 0) leaveAtOnce(code)
}
