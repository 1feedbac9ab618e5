import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AuditStratum } from '../../gen/pelletline/events/v1/events_pb.ts'
import { drawBinomial, leastCoverage, seededUniform } from '../../shared/statistics/test-support/seeded-draws.ts'
import { type AuditGroup, disagreementOf } from './lot-figures.ts'

const { NG, NEAR_THRESHOLD, REST } = AuditStratum
const rates = { [NG]: 0.5, [NEAR_THRESHOLD]: 0.5, [REST]: 0.01 }
const partPellets = 384

/** Shares of the pellets by stratum, and of each the share on which student and teachers disagree. */
interface Product {
  readonly shares: Readonly<Record<1 | 2 | 3, number>>
  readonly disagreeing: Readonly<Record<1 | 2 | 3, number>>
}

/** A lot of that many parts, audited with a budget of one pellet per part, as the student lowers its rates to it. */
function drawLot(parts: number, { shares, disagreeing }: Product, uniform: () => number) {
  const groups = new Map<string, { -readonly [Key in keyof AuditGroup]: AuditGroup[Key] }>()
  let ng = 0
  for (let part = 0; part < parts; part += 1) {
    const ngs = drawBinomial(partPellets, shares[NG], uniform)
    const near = drawBinomial(partPellets - ngs, shares[NEAR_THRESHOLD], uniform)
    const pellets = { [NG]: ngs, [NEAR_THRESHOLD]: near, [REST]: partPellets - ngs - near } as const
    ng += ngs
    const strata = [NG, NEAR_THRESHOLD, REST] as const
    const expected = strata.reduce((sum, stratum) => sum + pellets[stratum] * rates[stratum], 0)
    let share = 1
    while (share * expected > 1) share /= 2
    for (const stratum of strata) {
      const inclusionProbability = share * rates[stratum]
      const audited = drawBinomial(pellets[stratum], inclusionProbability, uniform)
      const disagreed = drawBinomial(audited, disagreeing[stratum], uniform)
      const key = `${stratum}/${inclusionProbability}`
      const group = groups.get(key) ?? { stratum, inclusionProbability, audited: 0n, disagreed: 0n }
      group.audited += BigInt(audited)
      group.disagreed += BigInt(disagreed)
      groups.set(key, group)
    }
  }
  const booked = [...groups.values()].filter(({ audited }) => audited > 0n)
  return { groups: booked, judged: { classified: BigInt(parts * partPellets), ng: BigInt(ng) } }
}

describe('disagreementOf', () => {
  const products: Readonly<Record<string, Product>> = {
    '1 % false NG': {
      shares: { [NG]: 0.01, [NEAR_THRESHOLD]: 0, [REST]: 0.99 },
      disagreeing: { [NG]: 1, [NEAR_THRESHOLD]: 0, [REST]: 0 },
    },
    'much near the threshold, and some escapes': {
      shares: { [NG]: 0.01, [NEAR_THRESHOLD]: 0.1, [REST]: 0.89 },
      disagreeing: { [NG]: 0.5, [NEAR_THRESHOLD]: 0.2, [REST]: 0.005 },
    },
    'a third NG': {
      shares: { [NG]: 0.33, [NEAR_THRESHOLD]: 0.01, [REST]: 0.66 },
      disagreeing: { [NG]: 0.1, [NEAR_THRESHOLD]: 0.3, [REST]: 0.002 },
    },
  }
  for (const [name, product] of Object.entries(products)) {
    for (const parts of [1, 2, 4, 8, 32]) {
      it(`covers the truth in lots of ${parts * partPellets} pellets, little of which is audited: ${name}`, () => {
        const uniform = seededUniform(384)
        const { shares, disagreeing } = product
        const near = (1 - shares[NG]) * shares[NEAR_THRESHOLD]
        const rest = 1 - shares[NG] - near
        const truth = shares[NG] * disagreeing[NG] + near * disagreeing[NEAR_THRESHOLD] + rest * disagreeing[REST]
        const rounds = 1000
        let covered = 0
        for (let round = 0; round < rounds; round += 1) {
          const { groups, judged } = drawLot(parts, product, uniform)
          const { value, lower, upper } = disagreementOf(groups, judged)
          assert.ok(0 <= lower && lower <= value && value <= upper && upper <= 1, `${lower} ${value} ${upper}`)
          if (lower <= truth && truth <= upper) covered += 1
        }
        assert.ok(covered / rounds >= leastCoverage(rounds), `${covered} of ${rounds}`)
      })
    }
  }

  const group = (stratum: AuditStratum, audited: bigint, disagreed: bigint): AuditGroup => ({
    stratum,
    inclusionProbability: stratum === REST ? 0.01 : 0.5,
    audited,
    disagreed,
  })

  it('one NG pellet, on which they disagree, says little of a lot that was judged OK', () => {
    const { value, lower, upper } = disagreementOf([group(NG, 1n, 1n)], { classified: 384n, ng: 4n })
    assert.ok(Math.abs(value - 4 / 384) < 1e-12)
    assert.ok(lower > 0 && lower < 0.001)
    assert.equal(upper, 1)
  })

  it('is not widened where every stratum was seen, or can hold no pellet', () => {
    const all = [group(NG, 50n, 5n), group(REST, 100n, 0n)]
    const { upper } = disagreementOf(all, { classified: 10_000n, ng: 100n })
    assert.ok(upper < 0.05)
    const allNg = disagreementOf([group(NG, 500n, 5n)], { classified: 1000n, ng: 1000n })
    assert.equal(allNg.value, 0.01)
    assert.ok(allNg.upper < 0.03)
  })

  it('says nothing where nothing was audited', () => {
    const { value, lower, upper } = disagreementOf([], { classified: 384n, ng: 4n })
    assert.deepEqual([value, lower, upper], [0, 0, 1])
  })

  it('is what was audited where no verdict is booked yet', () => {
    assert.equal(disagreementOf([group(NG, 4n, 1n)], { classified: 0n, ng: 0n }).value, 0.25)
  })
})
