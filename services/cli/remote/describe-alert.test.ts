import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { AlertSchema, AlertState } from '../../gen/pelletline/events/v1/events_pb.ts'
import { alertLine } from './describe-alert.ts'

/** Seconds after the year 2026 began, in nanoseconds of Unix time. */
const at = (seconds: number) => (BigInt(Date.UTC(2026, 0, 1)) + BigInt(seconds * 1000)) * 1_000_000n
const raised = { id: 'alert-000042', message: 'rows are lost', state: AlertState.ACTIVE, raisedUnixNs: at(1) }
const acknowledged = {
  ...raised,
  state: AlertState.ACKNOWLEDGED,
  acknowledgedUnixNs: at(2),
  acknowledgedBy: 'A. Miller',
}

describe('alertLine', () => {
  it('tells when an alert came to its state, and who acknowledged it', () => {
    const lineOf = (alert: object) => alertLine(create(AlertSchema, alert))
    assert.match(lineOf(raised), /^2026-01-01T00:00:01.* active {8}rows are lost$/)
    assert.match(lineOf(acknowledged), /^2026-01-01T00:00:02.* acknowledged {2}by A\. Miller: rows are lost$/)
    const resolved = { ...acknowledged, state: AlertState.RESOLVED, resolvedUnixNs: at(3) }
    assert.match(lineOf(resolved), /^2026-01-01T00:00:03.* resolved {6}rows are lost$/)
  })
})
