// A worker of the pool's protocol that says on a channel, named by its model, that it begins to warm up, and is warm when told so.
import { parentPort, workerData } from 'node:worker_threads'
import type { InferenceWorkerData, WorkerReply } from '../inference-pool-protocol.ts'

const { modelPath } = workerData as InferenceWorkerData
const channel = new BroadcastChannel(modelPath)
channel.onmessage = ({ data }) => {
  if (data === 'be warm') parentPort!.postMessage({ kind: 'ready', warmUpMs: 0 } satisfies WorkerReply)
}
channel.postMessage('began')
