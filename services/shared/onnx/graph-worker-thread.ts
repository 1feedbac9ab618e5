import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { GraphReply, GraphRequest, GraphWorkerData, WorkerTensor } from './graph-worker-messages.ts'
import type { OnnxType, TensorData } from './onnx-proto.ts'

// The thread that runs ONNX graphs: `run()` is a synchronous native call, which must never hold up an event loop that
// anybody waits on. Requests are served one by one, in order.

const { threads, executionProviders, spinning, niceness } = workerData as GraphWorkerData
// On Linux a thread has a nice value of its own, which the threads of its sessions inherit; elsewhere it is the process's.
if (niceness > 0 && process.platform === 'linux') setPriority(0, niceness)
const sessions = new Map<string, InferenceSession>()
const kept = new Map<string, Tensor>()

function toTensor({ type, dims, data }: WorkerTensor): Tensor {
  return new Tensor(type as 'float32', data as Float32Array, dims)
}

function fromTensor(tensor: Tensor): WorkerTensor {
  return { type: tensor.type as OnnxType, dims: tensor.dims, data: tensor.data as TensorData }
}

function sessionOf(model: string): InferenceSession {
  const session = sessions.get(model)
  if (session === undefined) throw new Error(`model ${model} is not loaded`)
  return session
}

async function release(model: string): Promise<void> {
  const session = sessions.get(model)
  sessions.delete(model)
  await session?.release()
}

function keptTensor(name: string): Tensor {
  const tensor = kept.get(name)
  if (tensor === undefined) throw new Error(`no tensor is kept under ${name}`)
  return tensor
}

async function serve(request: GraphRequest): Promise<Record<string, WorkerTensor>> {
  switch (request.kind) {
    case 'load': {
      const session = await InferenceSession.create(request.bytes, {
        intraOpNumThreads: threads,
        executionProviders: [...executionProviders],
        // Warnings of the runtime about its own optimiser say nothing that a user could act on.
        logSeverityLevel: 3,
        ...(spinning ? {} : { extra: { session: { intra_op: { allow_spinning: '0' } } } }),
      })
      // One that had the name would never be released otherwise; where the new one fails it stays.
      await release(request.model)
      sessions.set(request.model, session)
      return {}
    }
    case 'run': {
      const feeds = Object.fromEntries(
        Object.entries(request.feeds).map(([name, feed]) => [
          name,
          'kept' in feed ? keptTensor(feed.kept) : toTensor(feed),
        ]),
      )
      const names = [...Object.keys(request.keep), ...request.fetch]
      const outputs = await sessionOf(request.model).run(feeds, names)
      for (const [output, name] of Object.entries(request.keep)) kept.set(name, outputs[output] as Tensor)
      return Object.fromEntries(request.fetch.map((name) => [name, fromTensor(outputs[name] as Tensor)]))
    }
    case 'put':
      for (const [name, tensor] of Object.entries(request.tensors)) kept.set(name, toTensor(tensor))
      return {}
    case 'get':
      // Copies: what is kept stays usable here after its values have moved to the caller.
      return Object.fromEntries(
        request.names.map((name) => {
          const { type, dims, data } = fromTensor(keptTensor(name))
          return [name, { type, dims, data: data.slice() as TensorData }]
        }),
      )
    case 'release': {
      await release(request.model)
      return {}
    }
    default:
      return request satisfies never
  }
}

let queue = Promise.resolve()
parentPort?.on('message', ({ id, request }: { id: number; request: GraphRequest }) => {
  queue = queue.then(async () => {
    try {
      const tensors = await serve(request)
      const moved = Object.values(tensors).map(({ data }) => data.buffer as ArrayBuffer)
      parentPort?.postMessage({ id, tensors } satisfies GraphReply, [...new Set(moved)])
    } catch (reason) {
      const failure = reason instanceof Error ? reason.message : String(reason)
      parentPort?.postMessage({ id, failure } satisfies GraphReply)
    }
  })
})
