import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LotState } from '../../services/gen/pelletline/mes/v1/mes_pb.ts'
import { createRandom } from '../../services/line-simulator/random.ts'
import { everyFault, judgeChaos } from './judge-chaos.ts'
import { runChaos } from './run-chaos.ts'

describe('a plant of processes under faults', () => {
  it('counts every pellet once, whatever dies', { timeout: 540_000 }, async () => {
    const random = createRandom(20_261_128)
    const said: string[] = []
    const report = await runChaos({
      random: () => random.next(),
      seed: 1,
      // Every kind and every service once.
      faults: 11,
      meanPauseMs: 2_500,
      maxOpen: 8,
      weights: everyFault,
      lines: 2,
      speed: 0.25,
      brokers: 1,
      say: (text) => said.push(text),
    })
    const story = said.join('\n')
    assert.deepEqual(judgeChaos(report), [], story)
    assert.equal(report.outcomes.length, 11)
    for (const lot of report.lots) assert.equal(lot.state, LotState.CLOSED, story)
    for (const { booked } of report.books) assert.ok(booked > 100, `${booked} pellets in the books`)
  })
})
