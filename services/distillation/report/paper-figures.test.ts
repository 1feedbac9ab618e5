import assert from 'node:assert/strict'
import { test } from 'node:test'
import { paperFigures } from './paper-figures.ts'

test('the paper’s figures agree with each other and hold intervals of 300 NG images', () => {
  const { studentParameters, meanTeacherParameters, parameterChange, plain, distilled } = paperFigures
  assert.ok(Math.abs(studentParameters / meanTeacherParameters - 1 - parameterChange) < 5e-4)
  // Wilson at 290.1 of 300: centre 0.9611, half width 0.0212.
  assert.ok(Math.abs(plain.recall.low! - 0.94) < 5e-4)
  assert.ok(Math.abs(plain.recall.high! - 0.982) < 5e-4)
  for (const { value, low, high } of [plain.precision, plain.recall, distilled.precision, distilled.recall]) {
    assert.ok(low! < value! && value! < high!)
  }
})
