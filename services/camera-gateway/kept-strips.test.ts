import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { StripHeader } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { createKeptStrips, type KeptStrip } from './kept-strips.ts'

const pixels = new Uint8Array(0)
const header = {} as StripHeader

function strip(number: bigint): KeptStrip {
  return { number, header, pixels, sparse: undefined, receivedUnixNs: 0n, durable: false, settled: false }
}

test('kept strips are released in order, once, and only when answered and no longer needed', () => {
  const steps = fc.array(fc.record({ add: fc.nat(3), answers: fc.nat(3), lag: fc.nat(4) }), { maxLength: 30 })
  fc.assert(
    fc.property(fc.bigInt(0n, 5n), steps, (first, script) => {
      const released: bigint[] = []
      const kept = createKeptStrips(first, 0n, ({ number }) => released.push(number))
      let next = first
      let answered = first
      let needed = first
      for (const { add, answers, lag } of script) {
        for (let i = 0; i < add; i++) kept.add(strip(next++))
        for (let i = 0; i < answers && answered < next; i++) {
          const open = answered + 1n - BigInt(lag)
          if (open > needed) needed = open
          assert.equal(kept.settle(answered, needed)?.number, answered)
          // An answer that is repeated, as after a resumed stream, changes nothing.
          if (answered >= needed) assert.equal(kept.settle(answered, needed), undefined)
          answered++
        }
        assert.equal(kept.nextStrip, next)
        assert.equal(kept.inFlight, Number(next - answered))
        assert.equal(kept.durableBelow, answered)
        assert.equal(kept.acknowledgedBelow, needed)
        assert.equal(kept.get(needed)?.number, needed < next ? needed : undefined)
        assert.equal(kept.get(next), undefined)
      }
      assert.deepEqual(
        released,
        Array.from({ length: Number(needed - first) }, (_, i) => first + BigInt(i)),
      )
    }),
  )
})

test('dropped strips are no longer in flight, and none of them is acknowledged', () => {
  const kept = createKeptStrips(0n, 0n, () => assert.fail('nothing is released'))
  kept.add(strip(0n))
  kept.add(strip(1n))
  kept.drop()
  assert.equal(kept.inFlight, 0)
  assert.equal(kept.acknowledgedBelow, 0n)
  assert.equal(kept.get(0n), undefined)
})
