import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AuditItem, AuditStratum, AuditsMessageSchema } from '../../gen/pelletline/events/v1/events_pb.ts'
import { Verdict } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { validateMessage } from '../../shared/rpc/validate-message.ts'
import { makeAudits } from '../test-support/make-messages.ts'
import { checkEntry } from './check-entry.ts'

const plan = { line: 'line-1', lot: 'lot-1', strip: 7, parts: ['on'] }

function auditsWith(stratum: AuditStratum, studentVerdict: Verdict) {
  const message = makeAudits(plan, [{ index: 1, probability: 0.5, student: 'OK', teacher: 'OK' }])
  Object.assign(message.items[0]!, { stratum, studentVerdict })
  return message
}

test('an audit without a verdict of the student is refused, but of a screened pellet', () => {
  const check = (stratum: AuditStratum, verdict: Verdict) =>
    checkEntry({ kind: 'audits', message: auditsWith(stratum, verdict) }, 'plant-1')
  assert.throws(() => check(AuditStratum.REST, Verdict.UNSPECIFIED), {
    code: 'invalid_argument',
    message: /audits of strip plant-1\/line-1\/.*\/7 part 0: items\.student_verdict of pellet 1 is not stated/,
  })
  check(AuditStratum.SCREENED, Verdict.UNSPECIFIED)
  check(AuditStratum.REST, Verdict.OK)
})

test('audits without a stratum or a verdict of the teachers are no valid message', () => {
  const fieldOf = (change: Partial<AuditItem>) => {
    const message = auditsWith(AuditStratum.SCREENED, Verdict.UNSPECIFIED)
    Object.assign(message.items[0]!, change)
    try {
      validateMessage(AuditsMessageSchema, message)
    } catch (reason) {
      return PelletlineError.from(reason).violations.map(({ field }) => field)
    }
    return []
  }
  assert.deepEqual(fieldOf({}), [])
  assert.deepEqual(fieldOf({ stratum: AuditStratum.UNSPECIFIED }), ['items[0].stratum'])
  assert.deepEqual(fieldOf({ stratum: 9 as AuditStratum }), ['items[0].stratum'])
  assert.deepEqual(fieldOf({ teacherVerdict: Verdict.UNSPECIFIED }), ['items[0].teacher_verdict'])
  assert.deepEqual(fieldOf({ studentVerdict: 9 as Verdict }), ['items[0].student_verdict'])
})
