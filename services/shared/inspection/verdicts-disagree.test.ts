import assert from 'node:assert/strict'
import test from 'node:test'
import { Verdict } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { verdictsDisagree } from './verdicts-disagree.ts'

test('verdicts disagree where they differ, and a screened pellet at NG alone', () => {
  const disagree = [Verdict.OK, Verdict.NG, Verdict.UNSPECIFIED].map((student) =>
    [Verdict.OK, Verdict.NG].map((teachers) => verdictsDisagree(student, teachers)),
  )
  assert.deepEqual(disagree, [
    [false, true],
    [true, false],
    [false, true],
  ])
})
