import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { Outcome, Verdict } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletTraceSchema } from '../../gen/pelletline/trace/v1/trace_pb.ts'
import { describeTrace, traceJson } from './describe-trace.ts'

const ms = 1_000_000n
const start = 1_700_000_000_000n * ms

const stage = (name: string, service: string, from: number, to: number, movedMs = 0) => ({
  name,
  service,
  beganUnixNs: start + BigInt(from) * ms,
  endedUnixNs: start + BigInt(to) * ms,
  rawBeganUnixNs: start + BigInt(from - movedMs) * ms,
  rawEndedUnixNs: start + BigInt(to - movedMs) * ms,
  clockSkew: movedMs > 0,
})

const trace = create(PelletTraceSchema, {
  key: { strip: { plant: 'p', line: 'l', camera: 'c', run: 'r', strip: 1n }, index: 2 },
  traceId: 'ab'.repeat(16),
  lot: 'lot-1',
  outcome: Outcome.CLASSIFIED,
  verdict: Verdict.NG,
  margin: 4.5,
  threshold: 0.5,
  model: { id: 'student-1' },
  stages: [
    stage('capture', 'camera-gateway', 0, 12),
    stage('segment', 'roi-segmentation', 12, 13),
    stage('infer', 'student-inference', 24, 48, 5),
  ],
  audit: { verdict: Verdict.OK, ensembleScoreNg: 0.25 },
})

describe('describeTrace', () => {
  it('draws each stage on one scale, and says where clocks disagree', () => {
    const bar = (from: number, length: number) => `|${' '.repeat(from)}${'█'.repeat(length)}`.padEnd(49)
    assert.deepEqual(describeTrace(trace), [
      'Pellet p/l/c/r/1/2',
      `Trace ${'ab'.repeat(16)}, lot lot-1`,
      'Judged NG, margin 4.50 against 0.50 by student-1',
      'Teachers disagree: OK, score 0.250',
      '',
      `capture  camera-gateway        +0.00 ms    12.00 ms  ${bar(0, 12)}|`,
      `segment  roi-segmentation     +12.00 ms     1.00 ms  ${bar(12, 1)}|`,
      `infer    student-inference    +24.00 ms    24.00 ms  ${bar(24, 24)}|  moved by 5.00 ms: clocks disagree`,
      '2023-11-14T22:13:20.000Z, 48.00 ms in all',
    ])
  })

  it('says what became of a pellet that no network judged, and that times were not kept', () => {
    const screened = create(PelletTraceSchema, { ...trace, outcome: Outcome.SHED, stages: [] })
    const lines = describeTrace(screened)
    assert.ok(lines.includes('Dropped under overload, and counted'))
    assert.equal(lines.at(-1), 'The times of its stages were not kept when it was booked.')
  })

  it('gives times as text in JSON, since numbers cannot hold them', () => {
    const json = JSON.parse(JSON.stringify(traceJson(trace)))
    assert.equal(json.stages[1].beganUnixNs, `${start + 12n * ms}`)
    assert.deepEqual([json.pellet, json.verdict, json.stages[2].clockSkew], ['p/l/c/r/1/2', 'NG', true])
  })
})
