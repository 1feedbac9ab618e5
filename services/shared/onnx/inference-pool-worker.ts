// Entry of a worker thread of the inference pool: one session, runs asked for by slot index.
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { cropBytes, cropSide } from '../inspection/crop.ts'
import { checkModelSignature, checkPlainCrop, checkWarmUp, fillWarmUpCrops, plainGrays } from './check-model.ts'
import type { InferenceWorkerData, RunRequest, WorkerReply } from './inference-pool-protocol.ts'
import { providerError } from './inference-provider.ts'

const data = workerData as InferenceWorkerData
const port = parentPort!
const reply = (message: WorkerReply) => port.postMessage(message)
const slots = data.slots.map(({ pixels, logits }) => ({
  pixels: new Uint8Array(pixels),
  logits: new Float32Array(logits),
}))
/** For a model that takes floats: the grays of a run as such. */
const floats = data.inputType === 'float32' ? new Float32Array(data.maxBatch * cropBytes) : undefined

async function openSession(): Promise<InferenceSession> {
  // On Linux, and only there, id 0 is the calling thread; the session's threads inherit its nice value.
  if (data.niceness > 0 && process.platform === 'linux') setPriority(0, data.niceness)
  // The runtime reads a model from an ArrayBuffer only, so the shared bytes are copied for the time of the load.
  const bytes = new Uint8Array(data.modelBytes.byteLength)
  bytes.set(new Uint8Array(data.modelBytes))
  try {
    return await InferenceSession.create(bytes, {
      intraOpNumThreads: data.threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      executionProviders: [data.provider],
      extra: {
        session: {
          intra_op: { allow_spinning: data.allowSpinning ? '1' : '0' },
          // Else the runtime would leave to the processor, without a word, what the provider cannot compute.
          ...(data.provider === 'cpu' ? {} : { disable_cpu_ep_fallback: '1' }),
        },
      },
    })
  } catch (cause) {
    if (data.provider !== 'cpu') {
      const what = `${data.modelPath} does not load there (${PelletlineError.from(cause).message})`
      throw providerError(data.provider, what, 'Look whether CUDA 12 and cuDNN 9 are installed', undefined, cause)
    }
    throw new PelletlineError(
      'failed_precondition',
      `${data.modelPath} is no model that ONNX Runtime loads (${PelletlineError.from(cause).message}): ` +
        'export the model again with `npx pelletline train` or give another model.',
      { cause },
    )
  }
}

function feedOf(pixels: Uint8Array, count: number): Tensor {
  const shape = [count, 1, cropSide, cropSide]
  if (floats === undefined) return new Tensor('uint8', pixels, shape)
  floats.set(pixels)
  return new Tensor('float32', floats.subarray(0, pixels.length), shape)
}

async function runSlot(session: InferenceSession, { slot, count }: RunRequest): Promise<Float32Array> {
  const { pixels, logits } = slots[slot]!
  const { logits: output } = await session.run({ pellet: feedOf(pixels.subarray(0, count * cropBytes), count) })
  const found = output!.data as Float32Array
  if (found.length !== count * 2) {
    throw new PelletlineError(
      'failed_precondition',
      `${data.modelPath} gave ${found.length} logits for ${count} crops; expected ${count * 2}: give another model.`,
    )
  }
  logits.set(found)
  return found
}

async function warmUp(session: InferenceSession): Promise<number> {
  const began = performance.now()
  const { pixels } = slots[0]!
  for (const gray of plainGrays) {
    pixels.fill(gray, 0, cropBytes)
    checkPlainCrop(data.modelPath, gray, await runSlot(session, { slot: 0, count: 1 }))
  }
  fillWarmUpCrops(pixels)
  const alone = await runSlot(session, { slot: 0, count: 1 })
  const together = await runSlot(session, { slot: 0, count: data.maxBatch })
  checkWarmUp(data.modelPath, alone, together)
  return performance.now() - began
}

async function answer(session: InferenceSession, request: RunRequest): Promise<void> {
  try {
    const began = performance.now()
    await runSlot(session, request)
    reply({ kind: 'done', slot: request.slot, computeUs: Math.round((performance.now() - began) * 1000) })
  } catch (error) {
    reply({ kind: 'failed', slot: request.slot, message: PelletlineError.from(error).message })
  }
}

function serve(session: InferenceSession): void {
  // One after the other, so that the time of a run is its own.
  let last = Promise.resolve()
  port.on('message', (request: RunRequest) => {
    last = last.then(() => answer(session, request))
  })
}

try {
  const session = await openSession()
  checkModelSignature(data.modelPath, data.inputType, session.inputMetadata, session.outputMetadata)
  const warmUpMs = await warmUp(session)
  serve(session)
  reply({ kind: 'ready', warmUpMs })
} catch (error) {
  const { code, message } = PelletlineError.from(error)
  reply({ kind: 'refused', code, message })
}
