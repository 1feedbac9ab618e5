import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createGraphWorker } from '../../shared/onnx/graph-worker.ts'
import { encodeModel } from '../../shared/onnx/onnx-proto.ts'
import { buildInferenceModel } from '../export/build-inference-model.ts'
import { studentNetwork } from '../networks/student.ts'
import { toyCrops } from '../test-support/toy-crops.ts'
import { assembleBatches } from './assemble-batches.ts'
import { createCachedTargets, createLiveTargets } from './soft-targets.ts'
import { gatherParameters, initialState } from './training-session.ts'

const worker = createGraphWorker({ threads: 1 })
after(() => worker.close())

const crops = toyCrops(6, 4)
const network = studentNetwork({ widths: [16, 16, 16, 16], hidden: 8, dropout: 0 })
const augmentation = { flips: true, shiftPx: 0, gain: 0, offset: 0, blurProbability: 0, noise: 0 }
const flipped = assembleBatches(crops, network, { seed: 3, batchSize: 4, augmentation }, 0, 3)

test('soft targets are the mean of the softened outputs of the teachers, by the view that each crop shows', async () => {
  const views = (scale: number) =>
    Array.from({ length: 8 }, (_, view) =>
      Float32Array.from({ length: 12 }, (_, i) => scale * (view + 1) * Math.sin(i)),
    )
  const [a, b] = [views(1), views(-0.3)]
  const targets = createCachedTargets([
    { teacher: 'a', views: a },
    { teacher: 'b', views: b },
  ])
  const found = await targets.probabilities(flipped, 3)
  for (const [place, index] of flipped.indices.entries()) {
    const view = flipped.turns[place]!
    const softened = (logits: Float32Array) => {
      const [ok, ng] = [Math.exp(logits[2 * index]! / 3), Math.exp(logits[2 * index + 1]! / 3)]
      return ng / (ok + ng)
    }
    const expected = (softened(a[view]!) + softened(b[view]!)) / 2
    assert.ok(Math.abs(found[2 * place + 1]! - expected) < 1e-6)
    assert.ok(Math.abs(found[2 * place]! + found[2 * place + 1]! - 1) < 1e-6)
  }
  assert.ok(new Set(flipped.turns).size > 3)
})

test('one view stands for all flips and turns', async () => {
  const logits = Float32Array.from({ length: 12 }, (_, i) => i % 5)
  const found = await createCachedTargets([{ teacher: 'a', views: [logits] }]).probabilities(flipped, 1)
  for (const [place, index] of flipped.indices.entries()) {
    const expected = 1 / (1 + Math.exp(logits[2 * index]! - logits[2 * index + 1]!))
    assert.ok(Math.abs(found[2 * place + 1]! - expected) < 1e-6)
  }
})

test('live targets judge the augmented crops themselves', async () => {
  const tensors = initialState(network, 5)
  const model = buildInferenceModel(network, gatherParameters(network, tensors), {
    standardisation: { mean: 50, deviation: 60 },
    exportAs: 'float32',
  })
  const bytes = encodeModel(model)
  const targets = await createLiveTargets(worker, [{ sha256: 'teacher', bytes }])
  const together = await targets.probabilities(flipped, 2)
  const plain = assembleBatches(crops, network, { seed: 3, batchSize: 4, augmentation: undefined }, 0, 3)
  const asIs = await targets.probabilities(plain, 2)
  for (const [place, turn] of flipped.turns.entries()) {
    assert.equal(flipped.indices[place], plain.indices[place])
    const same = Math.abs(together[2 * place]! - asIs[2 * place]!) < 1e-7
    assert.equal(same, turn === 0, `turn ${turn}`)
  }
  // Once closed they hold no teacher's model any more.
  await targets.close()
  await assert.rejects(targets.probabilities(plain, 2), { message: /model teacher is not loaded/ })
})

test('live targets let go of the teachers that were loaded before one that cannot be', async () => {
  const loaded = new Set<string>()
  const load = async (model: string, bytes: Uint8Array) => {
    if (bytes.length === 0) throw new Error('no model')
    loaded.add(model)
  }
  const release = async (model: string) => void loaded.delete(model)
  const teachers = [
    { sha256: 'a', bytes: Uint8Array.of(1) },
    { sha256: 'b', bytes: new Uint8Array() },
  ]
  await assert.rejects(createLiveTargets({ ...worker, load, release }, teachers), /no model/)
  assert.deepEqual([...loaded], [])
})
