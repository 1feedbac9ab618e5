import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { describeError, exitCodeOfAll } from './exit-code.ts'

const invalid = new PelletlineError('invalid_argument', 'Bad.', {
  violations: [{ field: 'a.b', description: 'must be above 0' }],
})
const missing = new PelletlineError('not_found', 'Missing.')

describe('exit codes', () => {
  it('are those of the errors where they agree and 1 where they differ', () => {
    assert.equal(exitCodeOfAll([]), 0)
    assert.equal(exitCodeOfAll([invalid, invalid]), 2)
    assert.equal(exitCodeOfAll([missing]), 3)
    assert.equal(exitCodeOfAll([missing, invalid]), 1)
    assert.equal(exitCodeOfAll([new PelletlineError('unavailable', 'x')]), 1)
  })

  it('describeError lists field violations, and a stack only for what is a fault of the program', () => {
    assert.deepEqual(describeError(invalid), { lines: ['pelletline: Bad.', '  a.b: must be above 0'], exitCode: 2 })
    const bug = describeError(new TypeError('x is not a function'))
    assert.equal(bug.exitCode, 1)
    assert.match(bug.lines.join('\n'), /x is not a function[\s\S]*exit-code\.test\.ts/)
  })
})
