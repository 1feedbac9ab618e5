import type { GraphWorker } from '../../shared/onnx/graph-worker.ts'
import { encodeModel, modelProto } from '../../shared/onnx/onnx-proto.ts'
import { type Backend, createGraph, graphProto, input } from '../graph/graph.ts'
import { convolve } from '../operators/convolution.ts'
import { relayout } from '../operators/feature-map.ts'
import { createRandom } from './random.ts'

/** ONNX Runtime's block of channels: 16 with AVX-512, 8 with AVX2 and on ARM. */
const blockSizes = [16, 8] as const

/**
 * Finds out which convolution the runtime at hand offers: its direct kernel in the layout of 16 or 8 channels per block,
 * tried on a small map against the ordinary Conv, or (blockSize 1) only the ordinary one, which is slower.
 */
export async function probeBackend(worker: GraphWorker): Promise<Backend> {
  const expected = await tryBlockSize(worker, 1)
  for (const blockSize of blockSizes) {
    const found = await tryBlockSize(worker, blockSize).catch(() => undefined)
    if (found?.every((value, i) => Math.abs(value - expected[i]!) < 1e-4)) return { real: 'float32', blockSize }
  }
  return { real: 'float32', blockSize: 1 }
}

async function tryBlockSize(worker: GraphWorker, blockSize: number): Promise<Float32Array> {
  const channels = 16
  const random = createRandom('probe')
  const graph = createGraph({ real: 'float32', blockSize })
  const map = input(graph, 'map', 'float32', [1, 1, 5, 5, channels])
  const weights = input(graph, 'weights', 'float32', [9 * channels, channels])
  const convolved = convolve(graph, map, [weights], { kernel: 3, stride: 1, padding: 1 })
  const output = relayout(graph, convolved, channels)
  const model = `probe ${blockSize}`
  await worker.load(model, encodeModel(modelProto(graphProto(graph, 'probe', [output]), [...graph.domains])))
  try {
    const draw = (dims: readonly number[]) => ({
      type: 'float32' as const,
      dims,
      data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
    })
    const feeds = { map: draw(map.dims), weights: draw(weights.dims) }
    const outputs = await worker.run({ model, feeds, keep: {}, fetch: [output.name] })
    return outputs[output.name]!.data as Float32Array
  } finally {
    await worker.release(model)
  }
}
