import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { disableRuntimeTelemetry } from '../config/disable-runtime-telemetry.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import type { GraphReply, GraphRequest, GraphWorkerData, RunRequest, WorkerTensor } from './graph-worker-messages.ts'

export interface GraphWorkerOptions {
  /** Threads of one operator; default: all of the machine's. */
  readonly threads?: number
  /** ONNX Runtime's providers in order of preference: `cpu`, `cuda`; default: cpu. */
  readonly executionProviders?: readonly string[]
  /** Let threads wait for work in a loop; default true. Without it they sleep, which is faster where others use the cores. */
  readonly spinning?: boolean
  /** Nice value of the thread, 0 (default) to 19 (yields to everything else); Linux only. */
  readonly niceness?: number
}

/**
 * ONNX graphs run in a thread of their own, one request after the other. Tensors can be kept in the thread between runs
 * under names, so that a training state never crosses. All methods reject with `internal`, quoting ONNX Runtime, when a
 * graph fails, and with `cancelled` after `close`.
 */
export interface GraphWorker {
  readonly threads: number
  /** Loads a model under a name, in the place of one that has it; the bytes are moved away from the caller. */
  load(model: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>
  /** Runs a model. Fed buffers are moved away from the caller; `keep` maps outputs to names under which they stay. */
  run(request: Omit<RunRequest, 'kind'>): Promise<Readonly<Record<string, WorkerTensor>>>
  put(tensors: Readonly<Record<string, WorkerTensor>>): Promise<void>
  /** Copies of kept tensors. */
  get(names: readonly string[]): Promise<Readonly<Record<string, WorkerTensor>>>
  release(model: string): Promise<void>
  close(): Promise<void>
}

interface Waiting {
  readonly resolve: (tensors: Readonly<Record<string, WorkerTensor>>) => void
  readonly reject: (error: PelletlineError) => void
  readonly what: string
}

/** Starts a worker thread for graphs; it lives until `close`. */
export function createGraphWorker(options: GraphWorkerOptions = {}): GraphWorker {
  const threads = options.threads ?? availableParallelism()
  const { executionProviders = ['cpu'], spinning = true, niceness = 0 } = options
  const data: GraphWorkerData = { threads, executionProviders, spinning, niceness }
  disableRuntimeTelemetry()
  const worker = new Worker(new URL('./graph-worker-thread.ts', import.meta.url), {
    workerData: data,
    name: 'graph-worker',
  })
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let ended: PelletlineError | undefined

  const end = (error: PelletlineError) => {
    ended ??= error
    for (const { reject } of waiting.values()) reject(ended)
    waiting.clear()
  }
  worker.on('message', ({ id, tensors, failure }: GraphReply) => {
    const entry = waiting.get(id)
    waiting.delete(id)
    if (failure === undefined) entry?.resolve(tensors ?? {})
    else entry?.reject(new PelletlineError('internal', `${entry.what} failed in ONNX Runtime: ${failure}`))
    if (waiting.size === 0) worker.unref()
  })
  worker.on('error', (reason) => end(PelletlineError.from(reason)))
  worker.on('exit', () => end(new PelletlineError('cancelled', 'the ONNX worker has been closed: create a new one')))
  worker.unref()

  const send = (what: string, request: GraphRequest, moved: readonly WorkerTensor[] = [], bytes?: Uint8Array) => {
    if (ended !== undefined) return Promise.reject(ended)
    return new Promise<Readonly<Record<string, WorkerTensor>>>((resolve, reject) => {
      const id = ++lastId
      waiting.set(id, { resolve, reject, what })
      worker.ref()
      const buffers = new Set([...moved.map((tensor) => tensor.data.buffer), ...(bytes ? [bytes.buffer] : [])])
      worker.postMessage(
        { id, request },
        [...buffers].filter((buffer) => buffer instanceof ArrayBuffer),
      )
    })
  }

  return {
    threads,
    load: async (model, bytes) => {
      await send(`loading ${model}`, { kind: 'load', model, bytes }, [], bytes)
    },
    run: (request) => {
      const fed = Object.values(request.feeds).filter((feed): feed is WorkerTensor => 'data' in feed)
      return send(`running ${request.model}`, { kind: 'run', ...request }, fed)
    },
    put: async (tensors) => {
      await send('storing tensors', { kind: 'put', tensors }, Object.values(tensors))
    },
    get: (names) => send('reading tensors', { kind: 'get', names }),
    release: async (model) => {
      await send(`releasing ${model}`, { kind: 'release', model })
    },
    close: async () => {
      end(new PelletlineError('cancelled', 'the ONNX worker has been closed: create a new one'))
      await worker.terminate()
    },
  }
}
