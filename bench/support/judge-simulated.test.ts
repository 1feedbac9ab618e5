import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeModel, modelProto, nodeProto, tensorProto, valueInfo } from '../../services/shared/onnx/onnx-proto.ts'
import { judgeSimulated } from './judge-simulated.ts'

/** A model whose logits are 0 and the mean gray of the crop. */
function meanModel(): Uint8Array {
  return encodeModel(
    modelProto({
      name: 'mean',
      node: [
        nodeProto('Cast', ['pellet'], ['gray'], { to: 1 }),
        nodeProto('GlobalAveragePool', ['gray'], ['map']),
        nodeProto('Flatten', ['map'], ['mean'], { axis: 1 }),
        nodeProto('MatMul', ['mean', 'spread'], ['logits']),
      ],
      initializer: [tensorProto('spread', 'float32', [1, 2], Float32Array.of(0, 1))],
      input: [valueInfo('pellet', 'uint8', ['N', 1, 50, 50])],
      output: [valueInfo('logits', 'float32', ['N', 2])],
    }),
  )
}

test('simulated pellets are judged as many as asked for, alike with any number of lanes', async () => {
  const options = {
    good: 250,
    ng: 30,
    seed: 5,
    student: meanModel(),
    rivals: [meanModel()],
    others: [meanModel()],
    comparison: 24,
    chunk: 100,
  }
  const one = await judgeSimulated({ ...options, lanes: 1 })
  const two = await judgeSimulated({ ...options, lanes: 2 })
  assert.deepEqual(two, one)
  assert.deepEqual(one.rivals, [one.all.margins])
  const bad = one.all.labels.filter((label) => label === 1)
  assert.deepEqual([one.all.labels.length, bad.length], [280, 30])
  assert.deepEqual([one.compared.labels.length, one.compared.labels.filter((label) => label === 1).length], [24, 12])
  const margins = one.others[0]!.filter((_, i) => i % 2 === 1)
  assert.deepEqual(margins, one.compared.margins)
  assert.ok(one.all.margins.every((margin) => margin > 5))
  assert.ok(one.all.speckPx.every((px, i) => px > 0 === (one.all.labels[i] === 1)))
})
