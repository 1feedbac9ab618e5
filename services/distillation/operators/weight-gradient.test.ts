import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createGraphWorker } from '../../shared/onnx/graph-worker.ts'
import { encodeModel, modelProto } from '../../shared/onnx/onnx-proto.ts'
import { createGraph, graphProto, input } from '../graph/graph.ts'
import { createRandom } from '../training/random.ts'
import { weightGradient } from './weight-gradient.ts'

const worker = createGraphWorker({ threads: 1 })
after(() => worker.close())

test('weight gradient row by row of the kernel, as large maps need it, is that of the unfolded map', async () => {
  for (const real of ['float32', 'float64'] as const) {
    const graph = createGraph({ real, blockSize: 1 })
    const map = input(graph, 'map', real, [3, 1, 6, 7, 4])
    const gradient = input(graph, 'gradient', real, [3, 1, 3, 4, 5])
    const shape = { kernel: 3, stride: 2, padding: 1 }
    const outputs = [weightGradient(graph, map, gradient, shape), weightGradient(graph, map, gradient, shape, 0)]
    assert.deepEqual(outputs[1]!.dims, [36, 5])
    await worker.load('weights', encodeModel(modelProto(graphProto(graph, 'weights', outputs), [...graph.domains])))
    const random = createRandom('weight gradient')
    const draw = (dims: readonly number[]) => {
      const values = Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal())
      return { type: real, dims, data: real === 'float32' ? Float32Array.from(values) : Float64Array.from(values) }
    }
    const names = outputs.map(({ name }) => name)
    const results = await worker.run({
      model: 'weights',
      feeds: { map: draw(map.dims), gradient: draw(gradient.dims) },
      keep: {},
      fetch: names,
    })
    const [unfolded, byRows] = names.map((name) => results[name]!.data as Float32Array) as [Float32Array, Float32Array]
    assert.ok(unfolded.every((value, i) => Math.abs(value - byRows[i]!) < 1e-5))
    assert.ok(unfolded.some((value) => Math.abs(value) > 1))
  }
})
