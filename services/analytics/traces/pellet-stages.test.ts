import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { orderStages, type StageClocks } from './pellet-stages.ts'

const ms = 1_000_000n
const start = 1_700_000_000_000n * ms

/** Times in ms after the exposure. */
function clocksAt(times: Partial<Record<keyof StageClocks, number>>): StageClocks {
  const all = { exposed: 0, received: 20, segmentationBegan: 22, segmentationEnded: 30, inferenceQueued: 31 }
  const rest = { inferenceBegan: 40, inferenceEnded: 52, auditTaken: 60, auditEnded: 90, booked: 95, alerted: 96 }
  const plain = Object.fromEntries(
    Object.entries({ ...all, ...rest }).map(([name, at]) => [`${name}Ns`, start + BigInt(at) * ms]),
  )
  const given = Object.fromEntries(
    Object.entries(times).map(([name, at]) => [name, at === 0 ? 0n : start + BigInt(Number(at) * 1000) * 1000n]),
  )
  return { judged: true, ...plain, ...given } as unknown as StageClocks
}

describe('orderStages', () => {
  it('gives six stages, each of its service, as the clocks have them', () => {
    const stages = orderStages(clocksAt({}))
    assert.deepEqual(
      stages.map(({ name, service, beganNs, endedNs, clockSkew }) => [
        name,
        service,
        Number((beganNs - start) / ms),
        Number((endedNs - start) / ms),
        clockSkew,
      ]),
      [
        ['capture', 'camera-gateway', 0, 20, false],
        ['segment', 'roi-segmentation', 22, 30, false],
        ['queue', 'student-inference', 31, 40, false],
        ['infer', 'student-inference', 40, 52, false],
        ['audit', 'teacher-audit', 60, 90, false],
        ['alert', 'analytics', 95, 96, false],
      ],
    )
  })

  it('moves a stage whose clock is behind, keeps its length and its raw times, and says so', () => {
    const late = { inferenceQueuedNs: 1, inferenceBeganNs: 11, inferenceEndedNs: 23 }
    const stages = orderStages(clocksAt(late))
    const [, , queue, infer, audit] = stages
    assert.deepEqual([queue?.beganNs, queue?.endedNs], [start + 30n * ms, start + 40n * ms])
    assert.deepEqual([infer?.beganNs, infer?.endedNs], [start + 40n * ms, start + 52n * ms])
    assert.deepEqual([queue?.rawBeganNs, infer?.rawEndedNs], [start + 1n * ms, start + 23n * ms])
    assert.deepEqual([queue?.clockSkew, infer?.clockSkew, audit?.clockSkew], [true, true, false])
  })

  it('leaves out what is not known, and the network where it judged nothing', () => {
    const names = (clocks: StageClocks) => orderStages(clocks).map(({ name }) => name)
    assert.deepEqual(names(clocksAt({ auditTakenNs: 0 })), ['capture', 'segment', 'queue', 'infer', 'alert'])
    assert.deepEqual(names({ ...clocksAt({ auditTakenNs: 0 }), judged: false }), ['capture', 'segment', 'alert'])
    assert.deepEqual(names(clocksAt({ receivedNs: 0, auditTakenNs: 0, bookedNs: 0 })), ['segment', 'queue', 'infer'])
  })

  it('is never out of order and never of negative length, whatever the clocks say', () => {
    const at = fc.bigInt(start - 10_000n * ms, start + 10_000n * ms)
    const keys = Object.keys(clocksAt({})).filter((key) => key !== 'judged')
    const clocks = fc.record(Object.fromEntries(keys.map((key) => [key, at])), { noNullPrototype: true })
    fc.assert(
      fc.property(clocks, (raw) => {
        const stages = orderStages({ ...(raw as unknown as StageClocks), judged: true })
        assert.equal(stages.length, 6)
        for (const [i, stage] of stages.entries()) {
          assert.ok(stage.endedNs >= stage.beganNs)
          if (i > 0) assert.ok(stage.beganNs >= (stages[i - 1]?.endedNs ?? 0n))
        }
      }),
    )
  })
})
