import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { matchTruth } from './match-truth.ts'

const boxes = fc.uniqueArray(fc.record({ column: fc.nat(30), row: fc.nat(30) }), {
  selector: ({ column, row }) => column * 31 + row,
  maxLength: 60,
})

describe('matchTruth', () => {
  it('pairs every pellet with its own truth whatever the order and a shift of 3 px', () => {
    fc.assert(
      fc.property(boxes, fc.integer({ min: -3, max: 3 }), fc.integer(), (cells, shift, salt) => {
        const truth = cells.map(({ column, row }) => ({ box: { x: column * 40, y: row * 40, width: 36, height: 34 } }))
        const order = cells.map((_, i) => i).sort((a, b) => Math.sin(a + salt) - Math.sin(b + salt))
        const pellets = {
          count: order.length,
          x: order.map((i) => truth[i]!.box.x + shift),
          y: order.map((i) => truth[i]!.box.y - shift),
          width: order.map(() => 36),
          height: order.map(() => 35),
        }
        const match = matchTruth(truth, pellets)
        assert.deepEqual([...match.truthOf], order)
        for (const [pellet, index] of order.entries()) assert.equal(match.pelletOf[index], pellet)
      }),
    )
  })

  it('leaves without counterpart what overlaps too little, and uses each truth once', () => {
    const truth = [{ box: { x: 0, y: 0, width: 40, height: 40 } }, { box: { x: 200, y: 0, width: 40, height: 40 } }]
    const pellets = { count: 3, x: [1, 4, 500], y: [0, 0, 0], width: [40, 40, 40], height: [40, 40, 40] }
    const match = matchTruth(truth, pellets)
    assert.deepEqual([...match.truthOf], [0, -1, -1])
    assert.deepEqual([...match.pelletOf], [0, -1])
  })
})
