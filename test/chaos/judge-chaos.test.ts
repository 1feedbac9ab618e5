import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PelletTruth } from '../../services/line-simulator/index.ts'
import { createRandom } from '../../services/line-simulator/random.ts'
import type { BooksOfRun } from './compare-books.ts'
import { everyFault, judgeChaos } from './judge-chaos.ts'
import { faultKinds, planFaults } from './plan-faults.ts'

const clean: BooksOfRun = {
  line: 'line-1',
  run: 'r',
  truth: 10,
  booked: 10,
  lost: [],
  doubled: 0,
  unknown: 0,
  stripsIncomplete: 0,
  rows: 100,
  rowsLost: 7,
  rowsByTruth: 100,
  rowsLostByTruth: 7,
}
const pellet = { box: { x: 5, y: 7, width: 30, height: 30 } } as PelletTruth

describe('the judgement of a run of faults', () => {
  it('finds nothing where every pellet was counted once, and names everything else', () => {
    assert.deepEqual(judgeChaos({ books: [clean], lots: [] }), [])
    const cases: [Partial<BooksOfRun>, RegExp][] = [
      [{ truth: 0 }, /saw nothing/],
      [{ lost: [pellet] }, /1 of 10 pellets are lost, the first at x 5, y 7/],
      [{ doubled: 2 }, /2 of 10 booked pellets are there twice/],
      [{ unknown: 1 }, /1 of 10 booked pellets were never there/],
      [{ stripsIncomplete: 3 }, /3 strips are not whole/],
      [{ rows: 99 }, /99 rows are booked; the camera delivered 100/],
      [{ rowsLost: 4 }, /4 rows are booked as lost; the camera lost 7/],
    ]
    for (const [change, expected] of cases) {
      const [wrong, ...more] = judgeChaos({ books: [{ ...clean, ...change }], lots: [] })
      assert.match(wrong ?? '', expected)
      assert.deepEqual(more, [])
    }
  })
})

describe('a plan of faults', () => {
  it('has every kind and a kill of every service before weights decide, and is a function of its seed', () => {
    const draw = (seed: number) => {
      const random = createRandom(seed)
      const services = ['a', 'b', 'c']
      return planFaults({ random: () => random.next(), count: 9, services, meanPauseMs: 1000, weights: everyFault })
    }
    const plan = draw(1)
    assert.deepEqual(new Set(plan.map(({ kind }) => kind)), new Set(faultKinds))
    const killed = plan.filter(({ kind }) => kind === 'kill').map(({ target }) => target)
    assert.deepEqual(killed.sort(), ['a', 'b', 'c'])
    for (const { kind, target } of plan) assert.equal(target !== '', kind === 'kill' || kind === 'freeze')
    assert.deepEqual(draw(1), plan)
    assert.notDeepEqual(draw(2), plan)
  })
})
