import assert from 'node:assert/strict'
import test from 'node:test'
import { judgeGoals } from './judge-goals.ts'
import { summariseSystem } from './peers-report.ts'
import { describePeersRun, type PeersReport, tabulatePeers } from './tabulate-peers.ts'
import { fakeRun } from './test-support/fake-run.ts'

const harm = [
  { kind: 'bytes' as const, good: 80, bad: 16, harmed: 3, taken: 1, refusal: 'INTERNAL: first line\nsecond' },
]
const systems = [
  summariseSystem({ ...fakeRun({ name: 'Ours', whose: 'ours', rate: 900 }), harm }, 2),
  summariseSystem({ ...fakeRun({ name: 'Other', rate: 1, rounds: 0 }), missing: 'no wheel for this Python' }, 2),
]
const report: PeersReport = {
  bench: 'peers',
  machine: { cpu: 'some', cores: 2, node: 'v24' },
  rounds: 3,
  seconds: 3,
  runtime: '1.0',
  model: { id: 'drawn', parameters: 6_000_000, multiplyAdds: 70_000_000 },
  systems,
  goals: judgeGoals(systems),
}
const table = (title: string) => tabulatePeers(report).find((one) => one.title === title)!

test('tabulatePeers names a system that was not measured in every load, with the reason among the systems', () => {
  const named = ['One caller, single crops', '32 callers, single crops', '8 callers, 32 crops a request'].map((title) =>
    table(title).rows.at(-1),
  )
  assert.deepEqual(named, Array(3).fill(['Other', 'not measured']))
  assert.equal(table('Systems').rows.at(-1)!.at(-1), 'no wheel for this Python')
})

test('tabulatePeers shows harm with the refusal on one line', () => {
  assert.deepEqual(table('Bad requests among good ones').rows, [
    ['Ours, fp32', 'too few bytes', '80', '3', '16', '1', 'INTERNAL: first line second'],
  ])
})

test('tabulatePeers shows goals with limit, figure and verdict', () => {
  assert.deepEqual(table('Goals').rows[0], [
    '32 callers, single crops, fp32, of bare',
    'at least 0.85',
    '0.90',
    'reached',
  ])
})

test('describePeersRun tells the machine, the network and the rounds', () => {
  const text =
    '2 cores, some, Node v24, ONNX Runtime 1.0 in all; drawn (6,000,000 parameters, 70,000,000 multiply-adds a crop); 3 rounds of 3 s a load, medians with quartiles.'
  assert.equal(describePeersRun(report), text)
})
