import assert from 'node:assert/strict'
import test from 'node:test'
import { cutReason } from './cut-reason.ts'

test('a reason is cut in its middle where it is long, so that what is wrong and what to do stay', () => {
  assert.equal(cutReason('a model is missing; put it there.'), 'a model is missing; put it there.')
  const exact = 'x'.repeat(300)
  assert.equal(cutReason(exact), exact)
  const cut = cutReason(`a.onnx has too much: ${'é'.repeat(1_000_000)}; give another model.`)
  assert.equal(cut.length, 300)
  assert.match(cut, /^a\.onnx has too much: é+ … é+; give another model\.$/)
})

test('a reason that is cut within a pair of surrogates is still well-formed text', () => {
  for (const shift of ['', 'x']) assert.ok(cutReason(`${shift}${'😀'.repeat(400)}`).isWellFormed())
})
