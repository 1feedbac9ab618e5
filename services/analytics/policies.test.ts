import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { ReconciliationSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { RecipeSchema } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { parseConfig } from '../shared/config/load-config.ts'
import { validateMessage } from '../shared/rpc/validate-message.ts'
import { drawBinomial, seededUniform } from '../shared/statistics/test-support/seeded-draws.ts'
import { createAuditWindow } from './alerts/audit-window.ts'
import { decideDisagreement, decideRowsLost } from './alerts/decide-alert.ts'
import { createRowsWindow } from './alerts/rows-window.ts'
import { analyticsConfigSchema } from './config.ts'
import { defaultAlertSettings, defaultRecipe } from './default-recipe.ts'
import { createLineRate } from './line-rate.ts'
import { decideClosing } from './lots/decide-closing.ts'
import { isBalanced } from './lots/is-balanced.ts'
import { readPageToken, writePageToken } from './page-token.ts'

const policy = {
  limit: defaultRecipe.disagreementLimit,
  hysteresis: defaultRecipe.disagreementHysteresis,
  minAudited: defaultAlertSettings.minAudited,
  confidence: defaultAlertSettings.confidence,
}

/** Shares of NG and of disagreement by stratum at one time. */
interface Product {
  readonly ng: number
  readonly ngWrong: number
  readonly restWrong: number
}

/**
 * Runs pellets of a line through audit sample, window and policy of the default recipe; answers the actions with the
 * number of the pellet, deciding after each strip of 500 pellets.
 */
function runLine(seed: number, strips: number, productAt: (strip: number) => Product) {
  const uniform = seededUniform(seed)
  const window = createAuditWindow()
  const actions: { strip: number; action: string }[] = []
  let active = false
  for (let strip = 0; strip < strips; strip += 1) {
    const { ng, ngWrong, restWrong } = productAt(strip)
    const atMs = strip * 50
    const pellets = drawBinomial(500, ng, uniform)
    const { ngRate, baseRate } = defaultRecipe.audit
    const strata = [
      [pellets, ngRate, ngWrong],
      [500 - pellets, baseRate, restWrong],
    ] as const
    for (const [count, probability, wrong] of strata) {
      const sampled = drawBinomial(count, probability, uniform)
      for (let one = 0; one < sampled; one += 1) {
        window.add({ weight: 1 / probability, disagreed: uniform() < wrong, atMs })
      }
    }
    const groups = window.groups({ nowMs: atMs, limit: defaultRecipe.disagreementWindow, maxAgeMs: 1e9 })
    const { action } = decideDisagreement(groups, active, policy)
    if (action !== 'keep') {
      actions.push({ strip, action })
      active = action === 'raise'
    }
  }
  return actions
}

describe('disagreement alert', () => {
  const healthy = { ng: 0.01, ngWrong: 0.1, restWrong: 0.001 }

  test('twenty lines without a fault raise nothing in a minute of full speed', () => {
    for (let seed = 1; seed <= 20; seed += 1)
      assert.deepEqual(
        runLine(seed, 1200, () => healthy),
        [],
      )
  })

  test('a student that goes wrong raises once, and recovery resolves once: no flutter between limit and hysteresis', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const actions = runLine(seed, 1500, (strip) =>
        strip < 300 || strip >= 900 ? healthy : { ...healthy, restWrong: strip < 600 ? 0.08 : 0.05 },
      )
      assert.deepEqual(
        actions.map(({ action }) => action),
        ['raise', 'resolve'],
        `seed ${seed}`,
      )
      assert.ok(actions[0]!.strip >= 300 && actions[0]!.strip < 400, `raised at ${actions[0]!.strip}`)
      assert.ok(actions[1]!.strip > 900)
    }
  })

  test('two heavy pellets in a short window raise nothing, nor do few audited ones', () => {
    const twoHeavy = [
      { weight: 50, sampled: 58, positive: 2 },
      { weight: 2, sampled: 10, positive: 0 },
    ]
    const decision = decideDisagreement(twoHeavy, false, policy)
    assert.ok(decision.value.value > policy.limit)
    assert.equal(decision.action, 'keep')
    assert.equal(decideDisagreement([{ weight: 50, sampled: 59, positive: 59 }], false, policy).action, 'keep')
    assert.equal(decideDisagreement([{ weight: 50, sampled: 60, positive: 60 }], false, policy).action, 'raise')
  })

  test('window is bounded by number and by age', () => {
    const window = createAuditWindow()
    for (let at = 0; at < 5000; at += 1)
      window.add({ weight: at % 2 === 0 ? 2 : 50, disagreed: at % 10 === 0, atMs: at })
    const read = (nowMs: number, maxAgeMs: number) => window.groups({ nowMs, limit: 100, maxAgeMs })
    assert.deepEqual(read(5000, 1e6), [
      { weight: 2, sampled: 50, positive: 10 },
      { weight: 50, sampled: 50, positive: 0 },
    ])
    assert.deepEqual(
      read(5000, 10).map(({ sampled }) => sampled),
      [5, 5],
    )
    assert.deepEqual(read(6000, 10), [])
    assert.equal(window.size, 0)
  })
})

describe('lost rows alert', () => {
  const rowsPolicy = { limit: 0.01, hysteresis: 0.5, minRows: 20_000 }

  test('raised above the limit, kept between, resolved below limit times hysteresis', () => {
    const decide = (lost: number, active: boolean, rows = 100_000) =>
      decideRowsLost({ rows, lost }, active, rowsPolicy).action
    assert.equal(decide(1_000, false), 'keep')
    assert.equal(decide(1_001, false), 'raise')
    assert.equal(decide(700, true), 'keep')
    assert.equal(decide(499, true), 'resolve')
    assert.equal(decide(10_000, false, 19_999), 'keep')
  })

  test('window holds the newest rows only', () => {
    const window = createRowsWindow()
    window.add(1000, 500)
    for (let strip = 0; strip < 5000; strip += 1) window.add(1000, 0)
    assert.deepEqual(window.sums(50_000), { rows: 50_000, lost: 0 })
  })
})

describe('closing of a lot', () => {
  const settings = { quietMs: 2_000, timeoutMs: 60_000 }
  const run = (seen: bigint, complete: bigint, stamped: bigint) => ({ seen, complete, stamped })
  const decide = (runs: ReturnType<typeof run>[], reportedSinceClosing: boolean, elapsedMs: number) =>
    decideClosing({ runs, reportedSinceClosing, elapsedMs }, settings)

  test('waits for report, for stragglers and for missing parts; gives up in the end', () => {
    assert.equal(decide([run(10n, 10n, 10n)], true, 0), 'closed')
    assert.equal(decide([run(9n, 9n, 10n)], true, 50_000), 'wait')
    assert.equal(decide([run(10n, 9n, 10n)], true, 50_000), 'wait')
    assert.equal(decide([run(10n, 10n, 0n)], false, 50_000), 'wait')
    assert.equal(decide([run(10n, 10n, 10n), run(5n, 5n, 0n)], true, 50_000), 'wait')
    assert.equal(decide([run(10n, 10n, 0n)], false, 60_000), 'given-up')
  })

  test('a lot without a report since its closing is closed after the quiet time only', () => {
    assert.equal(decide([], false, 1_999), 'wait')
    assert.equal(decide([], false, 2_000), 'closed')
    assert.equal(decide([run(10n, 10n, 10n)], false, 1_999), 'wait')
    assert.equal(decide([run(10n, 10n, 10n)], false, 2_000), 'closed')
  })
})

describe('balance of a lot', () => {
  const counts = create(ReconciliationSchema, {
    strips: 3n,
    found: 10n,
    classified: 6n,
    screened: 1n,
    shed: 1n,
    notJudged: 2n,
    notJudgedByReason: { cluster: 1n, imageEdge: 1n },
  })
  const whole = [{ seen: 3n, complete: 3n, stamped: 3n }]

  test('holds where every pellet and every strip is accounted for, and breaks by any one of them', () => {
    assert.ok(isBalanced(counts, whole, true))
    assert.ok(!isBalanced({ ...counts, found: 11n }, whole, true))
    assert.ok(!isBalanced({ ...counts, notJudged: 1n, shed: 2n }, whole, true))
    assert.ok(!isBalanced({ ...counts, strips: 2n }, whole, true))
    assert.ok(!isBalanced(counts, [{ seen: 4n, complete: 3n, stamped: 4n }], true))
    assert.ok(!isBalanced(counts, [{ seen: 3n, complete: 3n, stamped: 4n }], false))
  })

  test('a run may be ahead of its report until the lot is closed', () => {
    const unreported = [{ seen: 3n, complete: 3n, stamped: 0n }]
    assert.ok(isBalanced(counts, unreported, false))
    assert.ok(!isBalanced(counts, unreported, true))
  })
})

describe('configuration', () => {
  test('what is left out is the default recipe, and it is a valid recipe; an unknown key is refused by name', () => {
    const { analytics } = parseConfig(analyticsConfigSchema, {}, 'test')
    assert.deepEqual(analytics.defaultRecipe, defaultRecipe)
    validateMessage(RecipeSchema, create(RecipeSchema, { ...defaultRecipe, version: 1 }))
    const wrong = { analytics: { booking: { maxEntires: 3 } } }
    assert.throws(() => parseConfig(analyticsConfigSchema, wrong, 'test'), /analytics\.booking\.maxEntires.*maxEntries/)
  })
})

describe('small figures', () => {
  test('rate of a line is that of its last seconds and ends with it', () => {
    const rate = createLineRate(5_000)
    assert.equal(rate.perSecond(0), 0)
    for (let at = 0; at <= 20_000; at += 100) rate.add(at < 10_000 ? 10 : 50, 1e6 + at)
    assert.equal(rate.perSecond(1e6 + 20_000), 500)
    assert.equal(rate.perSecond(1e6 + 25_001), 0)
  })

  test('page tokens are read back, and nothing else is taken for one', () => {
    assert.equal(readPageToken(writePageToken(42n)), 42n)
    assert.equal(readPageToken(''), undefined)
    for (const token of ['42', 'djE6', `${writePageToken(42n)}=`, 'ééé']) {
      assert.throws(() => readPageToken(token), { code: 'invalid_argument' })
    }
  })
})
