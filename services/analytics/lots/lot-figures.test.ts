import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AuditStratum } from '../../gen/pelletline/events/v1/events_pb.ts'
import { drawBinomial, leastCoverage, seededUniform } from '../../shared/statistics/test-support/seeded-draws.ts'
import { type AuditGroup, disagreementOf } from './lot-figures.ts'

const { NG, NEAR_THRESHOLD, REST, SCREENED } = AuditStratum
const strata = [NG, NEAR_THRESHOLD, REST, SCREENED] as const
type Stratum = (typeof strata)[number]
const rates = { [NG]: 0.5, [NEAR_THRESHOLD]: 0.5, [REST]: 0.01, [SCREENED]: 0.01 }
const partPellets = 384

/** Shares of the pellets by stratum, and of each the share on which student and teachers disagree. */
interface Product {
  readonly shares: Readonly<Record<Stratum, number>>
  readonly disagreeing: Readonly<Record<Stratum, number>>
}

function productOf(byStratum: readonly (readonly [stratum: Stratum, share: number, disagreeing: number])[]): Product {
  const shares = { [NG]: 0, [NEAR_THRESHOLD]: 0, [REST]: 0, [SCREENED]: 0 }
  const disagreeing = { ...shares }
  for (const [stratum, share, trait] of byStratum) {
    shares[stratum] = share
    disagreeing[stratum] = trait
  }
  return { shares, disagreeing }
}

/** Pellets of a part by stratum: a multinomial draw. */
function drawPart({ shares }: Product, uniform: () => number): Record<Stratum, number> {
  const pellets = { [NG]: 0, [NEAR_THRESHOLD]: 0, [REST]: 0, [SCREENED]: 0 }
  let left = partPellets
  let share = 1
  for (const stratum of strata) {
    pellets[stratum] = share > 0 ? drawBinomial(left, Math.min(1, shares[stratum] / share), uniform) : 0
    left -= pellets[stratum]
    share -= shares[stratum]
  }
  return pellets
}

/** A lot of that many parts, audited with a budget of one pellet per part, as the student lowers its rates to it. */
function drawLot(parts: number, product: Product, uniform: () => number) {
  const groups = new Map<string, { -readonly [Key in keyof AuditGroup]: AuditGroup[Key] }>()
  let ng = 0
  let screened = 0
  for (let part = 0; part < parts; part += 1) {
    const pellets = drawPart(product, uniform)
    ng += pellets[NG]
    screened += pellets[SCREENED]
    const expected = strata.reduce((sum, stratum) => sum + pellets[stratum] * rates[stratum], 0)
    let share = 1
    while (share * expected > 1) share /= 2
    for (const stratum of strata) {
      const inclusionProbability = share * rates[stratum]
      const audited = drawBinomial(pellets[stratum], inclusionProbability, uniform)
      const disagreed = drawBinomial(audited, product.disagreeing[stratum], uniform)
      const key = `${stratum}/${inclusionProbability}`
      const group = groups.get(key) ?? { stratum, inclusionProbability, audited: 0n, disagreed: 0n }
      group.audited += BigInt(audited)
      group.disagreed += BigInt(disagreed)
      groups.set(key, group)
    }
  }
  const booked = [...groups.values()].filter(({ audited }) => audited > 0n)
  const classified = BigInt(parts * partPellets - screened)
  return { groups: booked, judged: { classified, screened: BigInt(screened), ng: BigInt(ng) } }
}

describe('disagreementOf', () => {
  const products: Readonly<Record<string, Product>> = {
    '1 % false NG': productOf([
      [NG, 0.01, 1],
      [REST, 0.99, 0],
    ]),
    'much near the threshold, and some escapes': productOf([
      [NG, 0.01, 0.5],
      [NEAR_THRESHOLD, 0.1, 0.2],
      [REST, 0.89, 0.005],
    ]),
    'a third NG': productOf([
      [NG, 0.33, 0.1],
      [NEAR_THRESHOLD, 0.01, 0.3],
      [REST, 0.66, 0.002],
    ]),
    'nearly all near the threshold': productOf([
      [NEAR_THRESHOLD, 0.95, 0.5],
      [REST, 0.05, 0],
    ]),
    'half near the threshold, and nothing but escapes away from it': productOf([
      [NEAR_THRESHOLD, 0.5, 0],
      [REST, 0.5, 1],
    ]),
    'half near the threshold and all wrong, none away from it': productOf([
      [NG, 0.1, 0],
      [NEAR_THRESHOLD, 0.4, 1],
      [REST, 0.5, 0],
    ]),
    'a screen that passes much': productOf([
      [NG, 0.01, 0.5],
      [REST, 0.39, 0.01],
      [SCREENED, 0.6, 0.02],
    ]),
  }
  for (const [name, product] of Object.entries(products)) {
    for (const parts of [1, 2, 4, 8, 32]) {
      it(`covers the truth in lots of ${parts * partPellets} pellets, little of which is audited: ${name}`, () => {
        const uniform = seededUniform(384)
        const truth = strata.reduce((sum, of) => sum + product.shares[of] * product.disagreeing[of], 0)
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
    inclusionProbability: rates[stratum as Stratum],
    audited,
    disagreed,
  })

  it('one NG pellet, on which they disagree, says little of a lot that was judged OK', () => {
    const judged = { classified: 384n, screened: 0n, ng: 4n }
    const { value, lower, upper } = disagreementOf([group(NG, 1n, 1n)], judged)
    assert.ok(Math.abs(value - 4 / 384) < 1e-12)
    assert.ok(lower > 0 && lower < 0.001)
    assert.equal(upper, 1)
  })

  it('counts what was seen near the threshold where nothing was drawn away from it', () => {
    const inclusionProbability = 1 / 512
    const near = { stratum: NEAR_THRESHOLD, inclusionProbability, audited: 71n, disagreed: 36n }
    const judged = { classified: 38_400n, screened: 0n, ng: 0n }
    const { value, lower, upper } = disagreementOf([near], judged)
    assert.ok(Math.abs(value - (36 * 512) / 38_400) < 1e-12, `${value}`)
    assert.ok(lower > 0.2 && lower < value, `${lower}`)
    assert.ok(upper > 0.6 && upper <= 1, `${upper}`)
    const agreeing = { stratum: NG, inclusionProbability, audited: 1n, disagreed: 0n }
    const withNg = disagreementOf([near, agreeing], { ...judged, ng: 400n })
    assert.ok(withNg.value > 0.45 && withNg.lower > 0.2, `${withNg.value} ${withNg.lower}`)
    // They stand for 10 and 200 pellets.
    const few = [group(NG, 500n, 5n), group(NEAR_THRESHOLD, 500n, 100n)]
    const { value: share } = disagreementOf(few, { classified: 100_000n, screened: 0n, ng: 1000n })
    assert.ok(Math.abs(share - 210 / 100_000) < 1e-12, `${share}`)
  })

  it('takes no more near the threshold than was judged OK', () => {
    const judged = { classified: 100n, screened: 0n, ng: 0n }
    const { value } = disagreementOf([group(NEAR_THRESHOLD, 80n, 40n)], judged)
    assert.equal(value, 0.5)
  })

  it('is not widened where every stratum was seen, or can hold no pellet', () => {
    const all = [group(NG, 50n, 5n), group(REST, 100n, 0n)]
    const { upper } = disagreementOf(all, { classified: 10_000n, screened: 0n, ng: 100n })
    assert.ok(upper < 0.05)
    const allNg = disagreementOf([group(NG, 500n, 5n)], { classified: 1000n, screened: 0n, ng: 1000n })
    assert.equal(allNg.value, 0.01)
    assert.ok(allNg.upper < 0.03)
  })

  it('counts screened pellets among those seen where any was audited, and else as unseen', () => {
    const classified = [group(NG, 50n, 0n), group(REST, 100n, 0n)]
    const judged = { classified: 10_000n, screened: 30_000n, ng: 100n }
    assert.ok(disagreementOf(classified, judged).upper > 0.75)
    const audited = disagreementOf([...classified, group(SCREENED, 300n, 3n)], judged)
    assert.ok(Math.abs(audited.value - 300 / 40_100) < 1e-12, `${audited.value}`)
    assert.ok(audited.upper < 0.05)
  })

  it('says nothing where nothing was audited', () => {
    const { value, lower, upper } = disagreementOf([], { classified: 384n, screened: 0n, ng: 4n })
    assert.deepEqual([value, lower, upper], [0, 0, 1])
  })

  it('is what was audited where no verdict is booked yet', () => {
    const judged = { classified: 0n, screened: 0n, ng: 0n }
    assert.equal(disagreementOf([group(NG, 4n, 1n)], judged).value, 0.25)
  })
})
