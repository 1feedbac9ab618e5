// A worker of the pool's protocol that says on a channel, named by its model, that it begins to warm up, and is warm when told so: it is
// the mortal one from then on.
import { workerData } from 'node:worker_threads'
import type { InferenceWorkerData } from '../inference-pool-protocol.ts'

const { modelPath } = workerData as InferenceWorkerData
const channel = new BroadcastChannel(modelPath)
channel.onmessage = ({ data }) => {
  if (data === 'be warm') void import('./mortal-worker.ts')
}
channel.postMessage('began')
