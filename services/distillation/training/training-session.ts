import type { CropDataset } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { cropBytes } from '../../shared/inspection/crop.ts'
import type { GraphWorker } from '../../shared/onnx/graph-worker.ts'
import type { WorkerTensor } from '../../shared/onnx/graph-worker-messages.ts'
import { encodeModel } from '../../shared/onnx/onnx-proto.ts'
import { listParameters, type Network, traceNetwork } from '../networks/network.ts'
import type { AssembledBatches } from './assemble-batches.ts'
import { createRandom } from './random.ts'
import {
  buildEvaluationModel,
  buildTrainModel,
  listState,
  type StateTensor,
  type TrainGraphOptions,
} from './train-graph.ts'

/** Crops per run of the evaluation model. */
const evaluationBatch = 100

/** A network's training state in a graph worker, and the two graphs that work on it. */
export interface TrainingSession {
  /**
   * Makes the batches' steps; `firstStep` counts from 0. `softTargets` are [steps * batch, 2], where distilled. Returns the
   * loss of each step and all logits.
   */
  step(
    batches: AssembledBatches,
    firstStep: number,
    rates: Float32Array,
    softTargets?: Float32Array | undefined,
  ): Promise<StepResults>
  /** Logits of every crop, [count, 2], with running statistics and without dropout. */
  evaluate(dataset: CropDataset, signal?: AbortSignal): Promise<Float32Array>
  /** Copies of the state by tensor name; all of it, or the values only. */
  readState(slots: 'all' | 'values'): Promise<ReadonlyMap<string, Float32Array>>
  /** Replaces the state, or the part of it that `tensors` has. */
  writeState(tensors: ReadonlyMap<string, Float32Array>): Promise<void>
}

export interface StepResults {
  readonly losses: Float32Array
  readonly logits: Float32Array
}

/** Loads the training and the evaluation graph of a network and draws its initial weights from `seed`. */
export async function openTrainingSession(
  worker: GraphWorker,
  network: Network,
  options: TrainGraphOptions,
  seed: number,
): Promise<TrainingSession> {
  const state = listState(network)
  await worker.load('train', encodeModel(buildTrainModel(network, options)))
  await worker.load('evaluate', encodeModel(buildEvaluationModel(network, { ...options, batchSize: evaluationBatch })))
  const session = createSession(worker, network, options, state)
  await session.writeState(initialState(network, state, seed))
  return session
}

/** Initial state: weights from a normal distribution of the spec's deviation, moments zero. */
export function initialState(network: Network, state: readonly StateTensor[], seed: number): Map<string, Float32Array> {
  const values = new Map(
    listParameters(network).map((spec) => {
      const count = countOf(spec.dims)
      if (spec.role !== 'weights') return [spec.name, new Float32Array(count).fill(spec.initial)] as const
      const random = createRandom(seed, 'weights', spec.name)
      return [spec.name, Float32Array.from({ length: count }, () => random.normal() * spec.initial)] as const
    }),
  )
  return new Map(
    state.map((entry) => {
      const count = countOf(entry.dims)
      const whole = values.get(entry.parameter.name)!
      const data = entry.slot === 'value' ? whole.slice(entry.offset, entry.offset + count) : new Float32Array(count)
      return [entry.name, data]
    }),
  )
}

/** Whole parameters by name from a state's value tensors. */
export function gatherParameters(
  network: Network,
  tensors: ReadonlyMap<string, Float32Array>,
): ReadonlyMap<string, Float32Array> {
  const state = listState(network).filter(({ slot }) => slot === 'value')
  return new Map(
    listParameters(network).map((spec) => {
      const whole = new Float32Array(countOf(spec.dims))
      for (const { name, parameter, offset } of state) {
        if (parameter.name !== spec.name) continue
        const part = tensors.get(name)
        if (part === undefined) {
          throw new PelletlineError('data_loss', `the checkpoint lacks ${name}: it belongs to another network`)
        }
        whole.set(part, offset)
      }
      return [spec.name, whole]
    }),
  )
}

function createSession(
  worker: GraphWorker,
  network: Network,
  { batchSize }: TrainGraphOptions,
  state: readonly StateTensor[],
): TrainingSession {
  const values = state.filter(({ slot }) => slot === 'value')
  const kept = (entries: readonly StateTensor[]) =>
    Object.fromEntries(entries.map(({ name }) => [name, { kept: name }]))
  const channels = new Map(traceNetwork(network).map(({ layer, output }) => [layer.name, output.channels]))
  const dimsOf = new Map(state.map(({ name, dims }) => [name, dims]))
  return {
    step: async ({ steps, images, targets, masks }, firstStep, rates, softTargets) => {
      const real = (data: Float32Array, dims: readonly number[]): WorkerTensor => ({ type: 'float32', dims, data })
      const whole = (value: number): WorkerTensor => ({
        type: 'int64',
        dims: [],
        data: BigInt64Array.of(BigInt(value)),
      })
      const { losses, logits } = await worker.run({
        model: 'train',
        feeds: {
          ...kept(state),
          steps: whole(steps),
          firstStep: whole(firstStep + 1),
          images: { type: 'uint8', dims: [steps, batchSize, cropBytes], data: images },
          targets: real(targets, [steps, batchSize, 2]),
          rates: real(rates, [steps]),
          ...(softTargets !== undefined && { softTargets: real(softTargets, [steps, batchSize, 2]) }),
          ...Object.fromEntries(
            [...masks].map(([name, mask]) => [`mask/${name}`, real(mask, [steps, batchSize, channels.get(name)!])]),
          ),
        },
        keep: Object.fromEntries(state.map(({ name }) => [`next/${name}`, name])),
        fetch: ['losses', 'logits'],
      })
      return { losses: losses!.data as Float32Array, logits: logits!.data as Float32Array }
    },
    evaluate: async (dataset, signal) => {
      const all = new Float32Array(dataset.count * 2)
      for (let first = 0; first < dataset.count; first += evaluationBatch) {
        signal?.throwIfAborted()
        // The graph's batch is fixed: the last one is filled up with black crops, whose logits are dropped.
        const images = new Uint8Array(evaluationBatch * cropBytes)
        const last = Math.min(first + evaluationBatch, dataset.count)
        images.set(dataset.pixels.subarray(first * cropBytes, last * cropBytes))
        const { logits } = await worker.run({
          model: 'evaluate',
          feeds: { ...kept(values), images: { type: 'uint8', dims: [evaluationBatch, cropBytes], data: images } },
          keep: {},
          fetch: ['logits'],
        })
        all.set((logits!.data as Float32Array).subarray(0, 2 * (last - first)), 2 * first)
      }
      return all
    },
    readState: async (slots) => {
      const names = (slots === 'all' ? state : values).map(({ name }) => name)
      const tensors = await worker.get(names)
      return new Map(names.map((name) => [name, tensors[name]!.data as Float32Array]))
    },
    writeState: async (tensors) => {
      await worker.put(
        Object.fromEntries(
          [...tensors].map(([name, data]) => {
            const dims = dimsOf.get(name)
            if (dims === undefined || countOf(dims) !== data.length) {
              throw new PelletlineError(
                'failed_precondition',
                `tensor ${name} of ${data.length} numbers does not fit the network`,
              )
            }
            return [name, { type: 'float32' as const, dims, data: data.slice() }]
          }),
        ),
      )
    },
  }
}

function countOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}
