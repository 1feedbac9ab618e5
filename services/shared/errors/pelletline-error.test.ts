import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from './pelletline-error.ts'

describe('PelletlineError', () => {
  it('is retryable by default where waiting can help', () => {
    assert.equal(new PelletlineError('unavailable', 'm').retryable, true)
    assert.equal(new PelletlineError('resource_exhausted', 'm').retryable, true)
    assert.equal(new PelletlineError('invalid_argument', 'm').retryable, false)
    assert.equal(new PelletlineError('internal', 'm').retryable, false)
    assert.equal(new PelletlineError('unavailable', 'm', { retryable: false }).retryable, false)
    assert.equal(new PelletlineError('internal', 'm', { retryable: true }).retryable, true)
  })

  it('is an Error with message, code, violations and cause', () => {
    const cause = new Error('disk')
    const violations = [{ field: 'a', description: 'b' }]
    const error = new PelletlineError('data_loss', 'Block 3 is damaged.', { cause, violations, retryAfterMs: 5 })
    assert.ok(error instanceof Error)
    assert.equal(error.name, 'PelletlineError')
    assert.equal(error.message, 'Block 3 is damaged.')
    assert.equal(error.cause, cause)
    assert.deepEqual(error.violations, violations)
    assert.equal(error.retryAfterMs, 5)
    assert.equal('cause' in new PelletlineError('internal', 'm'), false)
  })

  it('from passes a PelletlineError unchanged', () => {
    const error = new PelletlineError('not_found', 'm')
    assert.equal(PelletlineError.from(error), error)
  })

  it('from tells aborts and timeouts of the platform from failures', () => {
    const reasonOf = (signal: AbortSignal) => PelletlineError.from(signal.reason).code
    assert.equal(reasonOf(AbortSignal.abort()), 'cancelled')
    assert.equal(PelletlineError.from(new DOMException('m', 'TimeoutError')).code, 'deadline_exceeded')
    const failure = PelletlineError.from(new TypeError('x is undefined'))
    assert.equal(failure.code, 'internal')
    assert.equal(failure.message, 'x is undefined')
    assert.ok(failure.cause instanceof TypeError)
    assert.equal(PelletlineError.from(new Error('m'), 'unavailable').code, 'unavailable')
    assert.equal(PelletlineError.from('text').message, 'text')
  })
})
