import process from 'node:process'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'

/** What the worker threads of this process have spent within ONNX Runtime's `run`. */
export interface RunCost {
  readonly runs: number
  /** Processor time of the threads that called it, us. */
  readonly cpuUs: number
}

const key = 'cost of runs'

/** Lets worker threads that are started from now on add what their runs cost; returns how the sum is read. */
export function collectRunCost(): () => RunCost {
  const memory = new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT)
  setEnvironmentData(key, memory)
  const cells = new BigInt64Array(memory)
  return () => ({ runs: Number(Atomics.load(cells, 0)), cpuUs: Number(Atomics.load(cells, 1)) })
}

/**
 * Processor time of the thread that asks, us. Linux counts a thread that is not interrupted from tick to tick only, some ms, unless it is
 * asked for the whole process first.
 */
export function threadCpuUs(): number {
  process.cpuUsage()
  const { user, system } = process.threadCpuUsage()
  return user + system
}

/** In a worker thread: measures a run and adds what it costs the thread. */
export async function countRun<T>(run: () => Promise<T>): Promise<T> {
  const cells = new BigInt64Array(getEnvironmentData(key) as SharedArrayBuffer)
  const before = threadCpuUs()
  try {
    return await run()
  } finally {
    Atomics.add(cells, 0, 1n)
    Atomics.add(cells, 1, BigInt(Math.round(threadCpuUs() - before)))
  }
}
