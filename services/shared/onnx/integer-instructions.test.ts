import assert from 'node:assert/strict'
import test from 'node:test'
import { describeIntegerInstructions, integerInstructionsOf } from './integer-instructions.ts'

test('integer instructions are read from the first processor, on x86 and on Arm, whole words only', () => {
  const x86 =
    'processor\t: 0\nmodel name\t: Xeon\nflags\t\t: fpu avx2 avx_vnni avx512_vnni avx512_vnnix\n\nprocessor\t: 1\nflags\t: fpu\n'
  assert.deepEqual(integerInstructionsOf(x86), ['avx512_vnni', 'avx_vnni'])
  assert.deepEqual(integerInstructionsOf('processor\t: 0\nFeatures\t: fp asimd asimddp i8mm\n'), ['asimddp', 'i8mm'])
  assert.deepEqual(integerInstructionsOf('flags\t: fpu avx avx2 my_avx_vnni\n'), [])
  assert.deepEqual(integerInstructionsOf(''), [])
})

test('a machine that does not say what its processor has is said to be unknown', () => {
  assert.equal(describeIntegerInstructions('/nowhere/cpuinfo'), 'unknown')
})
