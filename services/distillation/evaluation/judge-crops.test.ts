import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GraphWorker } from '../../shared/onnx/graph-worker.ts'
import { toyCrops } from '../test-support/toy-crops.ts'
import { judgeCrops } from './judge-crops.ts'

/** A runtime that answers all crops alike, but the crop `at` with these logits. */
function createWorker(at: number, logits: readonly [number, number]): GraphWorker {
  let first = 0
  return {
    threads: 1,
    load: async () => {},
    release: async () => {},
    close: async () => {},
    run: async ({ feeds }: Parameters<GraphWorker['run']>[0]) => {
      const { dims } = feeds['pellet'] as { readonly dims: readonly number[] }
      const count = dims[0]!
      const data = Float32Array.from({ length: 2 * count }, (_, i) =>
        first + (i >> 1) === at ? logits[i & 1]! : i & 1,
      )
      first += count
      return { logits: { type: 'float32', dims: [count, 2], data } }
    },
  } as unknown as GraphWorker
}

test('judging refuses a margin that is no number, with the index of the crop, instead of counting it as OK', async () => {
  const crops = toyCrops(100, 1)
  for (const logits of [
    [0, Number.NaN],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    [0, Number.POSITIVE_INFINITY],
  ] as const) {
    await assert.rejects(judgeCrops(createWorker(77, logits), new Uint8Array(1), crops), {
      code: 'failed_precondition',
      message: /crop 77 /,
    })
  }
  const { logits } = await judgeCrops(createWorker(77, [3, -2]), new Uint8Array(1), crops)
  assert.deepEqual([...logits.subarray(2 * 76, 2 * 79)], [0, 1, 3, -2, 0, 1])
})
