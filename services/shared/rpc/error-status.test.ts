import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Metadata, status } from '@grpc/grpc-js'
import fc from 'fast-check'
import { type ErrorCode, PelletlineError } from '../errors/pelletline-error.ts'
import { fromStatus, toStatus } from './error-status.ts'

const codes: readonly ErrorCode[] = [
  'invalid_argument',
  'not_found',
  'already_exists',
  'failed_precondition',
  'resource_exhausted',
  'unavailable',
  'cancelled',
  'deadline_exceeded',
  'data_loss',
  'unimplemented',
  'internal',
]

describe('status of an error', () => {
  it('restores every error that fits', () => {
    const violation = fc.record({ field: fc.string({ maxLength: 20 }), description: fc.string({ maxLength: 40 }) })
    const text = fc.string({ unit: 'grapheme', maxLength: 12 })
    fc.assert(
      fc.property(
        fc.constantFrom(...codes),
        text,
        fc.boolean(),
        fc.option(fc.integer({ min: 0, max: 1e9 }), { nil: undefined }),
        fc.array(violation, { maxLength: 10 }),
        (code, message, retryable, retryAfterMs, violations) => {
          const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
          const restored = fromStatus(
            toStatus(new PelletlineError(code, message, { retryable, violations, ...wait })),
            'x',
          )
          assert.equal(restored.code, code)
          assert.equal(restored.message, message)
          assert.equal(restored.retryable, retryable)
          assert.equal(restored.retryAfterMs, retryAfterMs)
          assert.deepEqual(
            restored.violations,
            violations.map((each) => ({ ...each })),
          )
        },
      ),
    )
  })

  it('stays within what peers take as metadata, and says how many violations are missing', () => {
    const violations = Array.from({ length: 1000 }, (_, index) => ({
      field: `crops[${index}]`,
      description: 'must be 2500',
    }))
    // Two bytes of UTF-16 each are three of UTF-8, which are nine as a URI.
    const messages = ['m', '粒', '😀', 'x😀'].map((letter) => letter.repeat(5000))
    const [sent] = messages.map((message) => {
      const each = toStatus(new PelletlineError('invalid_argument', message, { violations }))
      const [packed] = each.metadata.get('grpc-status-details-bin')
      assert.ok(encodeURI(each.details).length + ((packed as Buffer).length * 4) / 3 < 8192)
      assert.ok(each.details.length > 200)
      return each
    }) as [ReturnType<typeof toStatus>]
    const restored = fromStatus(sent, 'x')
    const last = restored.violations.at(-1)
    assert.equal(
      last?.description,
      `${1000 - (restored.violations.length - 1)} more violations do not fit into the status`,
    )
  })

  it('an error of a foreign server names the call, and is retryable only where the code says so', () => {
    const foreign = (code: status) => fromStatus({ code, details: 'gone' }, 'LotService/GetLot')
    assert.equal(foreign(status.UNAVAILABLE).message, 'LotService/GetLot failed: gone')
    assert.equal(foreign(status.UNAVAILABLE).retryable, true)
    assert.equal(foreign(status.RESOURCE_EXHAUSTED).retryable, false)
    assert.equal(foreign(status.UNKNOWN).code, 'internal')
    assert.equal(foreign(status.PERMISSION_DENIED).code, 'failed_precondition')
    assert.equal(foreign(status.ABORTED).code, 'unavailable')
  })

  it('details that cannot be read leave code and message', () => {
    const metadata = new Metadata()
    metadata.set('grpc-status-details-bin', Buffer.from([0xff, 0xff, 0xff]))
    const restored = fromStatus({ code: status.NOT_FOUND, details: 'gone', metadata }, 'x')
    assert.equal(restored.code, 'not_found')
    assert.deepEqual(restored.violations, [])
  })
})
