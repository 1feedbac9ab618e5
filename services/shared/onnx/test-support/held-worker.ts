// A worker of the pool's protocol that says on a channel, named by its model, that it begins, and whose warm-up is a native call that
// nothing interrupts: it opens a pipe, named by its model too, into which nobody writes.
import { readFileSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import type { InferenceWorkerData } from '../inference-pool-protocol.ts'

const { modelPath } = workerData as InferenceWorkerData
new BroadcastChannel(modelPath).postMessage('began')
readFileSync(`${modelPath}.pipe`)
