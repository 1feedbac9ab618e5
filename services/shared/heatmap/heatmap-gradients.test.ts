import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { createGraphWorker } from '../onnx/graph-worker.ts'
import { backwardRules } from './backward-rules.ts'
import { checkGradients, createUniform, runGradients } from './test-support/check-gradients.ts'
import { everyOperatorModel, poolModel, quantisedModel } from './test-support/small-models.ts'

const worker = createGraphWorker({ threads: 1 })
after(() => worker.close())

/** The derived graph computes in float32, whose rounding adds up to some 1e-6 over a few layers; a wrong rule is off by 1e-1. */
const tolerance = 2e-5

const layers = ['entry', 'narrow', 'pooled', 'joined', 'wide', 'last']

for (const score of ['probability', 'logit'] as const) {
  for (const target of ['NG', 'OK'] as const) {
    test(`gradients of the ${score} of ${target} agree with finite differences in every layer`, async () => {
      const checks = await checkGradients(worker, everyOperatorModel(), layers, { score, target }, { samples: 30 })
      for (const [layer, { error, kinks, shaken }] of checks) {
        assert.ok(error < tolerance, `${layer}: ${error}`)
        assert.ok(kinks < shaken / 3, `${layer}: ${kinks} of ${shaken} at a kink`)
      }
    })
  }
}

test('gradients by a wrong rule differ from finite differences', async () => {
  const options = { score: 'logit', target: 'NG' } as const
  const wrong = {
    LeakyRelu: { ...backwardRules, LeakyRelu: backwardRules['Relu']! },
    Relu: { ...backwardRules, Relu: backwardRules['Identity']! },
    Sub: { ...backwardRules, Sub: backwardRules['Add']! },
  }
  for (const [operator, rules] of Object.entries(wrong)) {
    const checks = await checkGradients(worker, everyOperatorModel(), ['entry'], options, { rules, samples: 30 })
    assert.ok(checks.get('entry')!.error > 100 * tolerance, `${operator}: ${checks.get('entry')!.error}`)
  }
})

test('gradient of a max-pool whose window ties goes to one pixel of it, once', async () => {
  const flat = new Uint8Array(2 * 2500).fill(100, 2500)
  const { gradient } = await runGradients(worker, poolModel(), flat, ['map'], { score: 'logit', target: 'NG' })
  const { dims, data } = gradient('map')
  assert.deepEqual(dims, [2, 1, 50, 50])
  for (const crop of [0, 1]) {
    const own = data.subarray(crop * 2500, (crop + 1) * 2500)
    // 25 x 25 windows of 2 x 2, each with its share of the average's gradient.
    const reached = own.filter((value) => value !== 0)
    assert.equal(reached.length, 625)
    assert.ok(reached.every((value) => Math.abs(value - 3 / 625) < 1e-7))
  }
})

test('gradients of a model in bytes are those of the same numbers without them', async () => {
  const uniform = createUniform(3)
  const pixels = Uint8Array.from({ length: 2 * 2500 }, () => Math.floor(16 * uniform()))
  for (const merged of [false, true]) {
    const { plain, quantised } = quantisedModel({ mergedRelu: merged })
    const options = { score: 'logit', target: 'NG' } as const
    const [expected, found] = [
      await runGradients(worker, plain, pixels, ['first', 'second'], options),
      await runGradients(worker, quantised, pixels, ['first', 'second'], options),
    ]
    assert.deepEqual(found.logits, expected.logits)
    for (const layer of ['first', 'second']) {
      assert.ok(expected.gradient(layer).data.some((value) => value !== 0))
      assert.deepEqual(found.gradient(layer), expected.gradient(layer))
    }
    const passing = { ...backwardRules, QuantizeLinear: backwardRules['Identity']! }
    const passed = await runGradients(worker, quantised, pixels, ['first'], options, passing)
    assert.equal(isDeepStrictEqual(passed.gradient('first'), expected.gradient('first')), !merged)
  }
})
