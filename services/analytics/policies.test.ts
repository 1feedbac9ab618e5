import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { FollowState, ReconciliationSchema, SegmentationMethod } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { RecipeSchema } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { parseConfig } from '../shared/config/load-config.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { validateMessage } from '../shared/rpc/validate-message.ts'
import type { WeightedGroup } from '../shared/statistics/estimate-weighted-share.ts'
import { drawBinomial, seededUniform } from '../shared/statistics/test-support/seeded-draws.ts'
import { createAuditWindow } from './alerts/audit-window.ts'
import {
  type DisagreementStanding,
  decideDisagreement,
  decideRowsLost,
  decideStripShare,
} from './alerts/decide-alert.ts'
import { describeDirt, describeLight } from './alerts/describe-alert.ts'
import { createRowsWindow } from './alerts/rows-window.ts'
import { createStripsWindow } from './alerts/strips-window.ts'
import type { StripCondition } from './booking/entries.ts'
import { analyticsConfigSchema } from './config.ts'
import { defaultAlertSettings, defaultRecipe, type RecipeSettings } from './default-recipe.ts'
import { createLineRate } from './line-rate.ts'
import { decideClosing } from './lots/decide-closing.ts'
import { isBalanced } from './lots/is-balanced.ts'
import { readPageToken, writePageToken } from './page-token.ts'
import { checkRecipe } from './registry/check-recipe.ts'
import { toRecipeSettings } from './registry/configured-recipe.ts'

const policy = {
  limit: defaultRecipe.disagreementLimit,
  hysteresis: defaultRecipe.disagreementHysteresis,
  minAudited: defaultAlertSettings.minAudited,
  calmAudited: defaultRecipe.disagreementWindow,
  confidence: defaultAlertSettings.confidence,
}

const pick = ({ action, calm }: ReturnType<typeof decideDisagreement>) => [action, calm]

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
  let standing: DisagreementStanding = { active: false, calm: undefined }
  for (let strip = 0; strip < strips; strip += 1) {
    const { ng, ngWrong, restWrong } = productAt(strip)
    const atMs = strip * 50
    const pellets = drawBinomial(500, ng, uniform)
    let added = 0
    const { ngRate, baseRate } = defaultRecipe.audit
    const strata = [
      [pellets, ngRate, ngWrong],
      [500 - pellets, baseRate, restWrong],
    ] as const
    for (const [count, probability, wrong] of strata) {
      const sampled = drawBinomial(count, probability, uniform)
      added += sampled
      for (let one = 0; one < sampled; one += 1) {
        window.add({ weight: 1 / probability, disagreed: uniform() < wrong, atMs })
      }
    }
    const groups = window.groups({ nowMs: atMs, limit: defaultRecipe.disagreementWindow, maxAgeMs: 1e9 })
    const { action, calm } = decideDisagreement({ groups, added }, standing, policy)
    if (action !== 'keep') actions.push({ strip, action })
    standing = { active: action === 'keep' ? standing.active : action === 'raise', calm }
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

  test('a share above the limit for twenty minutes raises once and does not resolve by chance', () => {
    for (const restWrong of [0.024, 0.03]) {
      for (let seed = 1; seed <= 3; seed += 1) {
        const actions = runLine(seed, 8000, () => ({ ...healthy, restWrong }))
        assert.deepEqual(
          actions.map(({ action }) => action),
          ['raise'],
          `${restWrong} of the rest, seed ${seed}`,
        )
      }
    }
  })

  test('a share at the limit flutters no more than every few minutes', () => {
    let resolved = 0
    for (let seed = 1; seed <= 3; seed += 1) {
      const actions = runLine(seed, 8000, () => ({ ...healthy, restWrong: 0.02 }))
      resolved += actions.filter(({ action }) => action === 'resolve').length
    }
    assert.ok(resolved <= 6, `resolved ${resolved} times in 20 minutes`)
  })

  const decide = (groups: readonly WeightedGroup[], standing: Partial<DisagreementStanding> = {}, added = 0) =>
    decideDisagreement({ groups, added }, { active: false, calm: undefined, ...standing }, policy)

  test('two heavy pellets in a short window raise nothing, nor do few audited ones', () => {
    const twoHeavy = [
      { weight: 50, sampled: 58, positive: 2 },
      { weight: 2, sampled: 10, positive: 0 },
    ]
    const decision = decide(twoHeavy)
    assert.ok(decision.value.value > policy.limit)
    assert.equal(decision.action, 'keep')
    assert.equal(decide([{ weight: 50, sampled: 59, positive: 59 }]).action, 'keep')
    assert.equal(decide([{ weight: 50, sampled: 60, positive: 60 }]).action, 'raise')
  })

  test('a single pellet raises nothing, however heavy it is among light ones', () => {
    const heavy = (positive: number) => [
      { weight: 2, sampled: 58, positive: 0 },
      { weight: 400, sampled: 2, positive },
    ]
    assert.equal(decide(heavy(1)).action, 'keep')
    assert.equal(decide(heavy(2)).action, 'raise')
  })

  test('it resolves when the share has stayed below limit times hysteresis for a window more of audited pellets', () => {
    const of = (positive: number, sampled = 400) => [{ weight: 50, sampled, positive }]
    const active = true
    assert.deepEqual(pick(decide(of(3), { active }, 1000)), ['keep', 0], 'what came before it fell does not count')
    assert.deepEqual(pick(decide(of(3), { active, calm: 0 }, 399)), ['keep', 399])
    assert.deepEqual(pick(decide(of(3), { active, calm: 399 }, 1)), ['resolve', 400])
    assert.deepEqual(pick(decide(of(4), { active, calm: 399 }, 1)), ['keep', undefined], 'the count begins anew')
    assert.deepEqual(pick(decide(of(0, 59), { active, calm: 399 }, 1)), ['keep', 399], 'too few say nothing')
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
    assert.deepEqual(window.sums(20_500), { rows: 21_000, lost: 0 }, 'as many as minRows may ask for')
    window.add(40_000, 0)
    assert.deepEqual(window.sums(20_500), { rows: 40_000, lost: 0 })
  })
})

describe('alerts on the condition of strips', () => {
  const { dirtLimit: limit, stripsHysteresis: hysteresis, minStrips, stripsWindow } = defaultAlertSettings
  const decide = (affected: number, active: boolean, strips = 60) =>
    decideStripShare({ strips, affected }, active, { limit, hysteresis, minStrips }).action

  test('raised above half of the newest 60 strips, kept between, resolved below a tenth of them', () => {
    assert.equal(stripsWindow, 60)
    assert.equal(decide(30, false), 'keep')
    assert.equal(decide(31, false), 'raise')
    assert.equal(decide(31, true), 'keep')
    assert.equal(decide(6, true), 'keep')
    assert.equal(decide(5, true), 'resolve')
  })

  test('nothing is said of fewer than 30 strips', () => {
    assert.equal(decide(29, false, 29), 'keep')
    assert.equal(decide(30, false, 30), 'raise')
    assert.equal(decide(0, true, 29), 'keep')
    assert.equal(decide(0, true, 30), 'resolve')
  })

  const strip = (more: Partial<StripCondition> = {}): StripCondition => ({
    camera: 'camera-1',
    lightState: FollowState.FOLLOWING,
    sizeState: FollowState.HELD,
    dirtyColumns: [],
    ...more,
  })

  test('window counts dirt and loss among the newest strips only, a strip that lost both once', () => {
    const window = createStripsWindow()
    for (let at = 0; at < 10; at += 1) window.add(strip({ lightState: FollowState.LOST }))
    window.add(strip({ lightState: FollowState.LOST, sizeState: FollowState.LOST }))
    window.add(strip({ sizeState: FollowState.LOST, dirtyColumns: [{ from: 3, to: 5 }] }))
    window.add(strip({ dirtyColumns: [{ from: 4, to: 6 }], camera: 'camera-2' }))
    window.add(strip())
    assert.deepEqual(window.seen(4), {
      strips: 4,
      dirty: 2,
      lightLost: 1,
      sizeLost: 2,
      lost: 2,
      newestDirty: strip({ dirtyColumns: [{ from: 4, to: 6 }], camera: 'camera-2' }),
    })
    assert.equal(window.size, 4)
  })

  test('a sentence names columns and camera and asks for cleaning, or says what is lost', () => {
    const window = createStripsWindow()
    const dirtyColumns = Array.from({ length: 10 }, (_, at) => ({ from: at * 100, to: at * 100 + (at === 0 ? 1 : 12) }))
    window.add(strip({ dirtyColumns, sizeState: FollowState.LOST }))
    const dirt = describeDirt('line-1', window.seen(9))
    assert.match(
      dirt,
      /columns 0, 100 to 111, .*700 to 711, 2 more of camera-1 of line-1 \(1 of the last 1 strips\): clean/,
    )
    assert.match(describeLight('line-1', window.seen(9)), /^On line-1 the sizes of pellets have no one middle \(1 of/)
    window.add(strip({ lightState: FollowState.LOST }))
    assert.match(describeLight('line-1', window.seen(9)), /bed and pellets are not told apart and the sizes .*\(2 of/)
  })
})

describe('recipes', () => {
  const fieldsOf = (change: Partial<RecipeSettings> & { readonly version?: number }) => {
    try {
      const recipe: MessageInitShape<typeof RecipeSchema> = { ...(defaultRecipe as RecipeSettings), ...change }
      checkRecipe(create(RecipeSchema, recipe))
      return []
    } catch (reason) {
      assert.ok(reason instanceof PelletlineError && reason.code === 'invalid_argument')
      return reason.violations.map(({ field }) => field)
    }
  }

  test('limits of shape below 1 and a version are refused by name; 0 stands for the default', () => {
    assert.deepEqual(fieldsOf({}), [])
    assert.deepEqual(fieldsOf({ shape: { tailLength: 1, twinArea: 1, finesDiameter: 0.1 } }), [])
    assert.deepEqual(fieldsOf({ shape: { tailLength: 0.99, twinArea: 0.5 } }), [
      'recipe.shape.tail_length',
      'recipe.shape.twin_area',
    ])
    assert.deepEqual(fieldsOf({ version: 2 }), ['recipe.version'])
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
    const recipe = {
      segmentationMethod: 'edges',
      minSpeckContrast: 0.3,
      shape: { tailLength: 1.8 },
      referenceGray: 182.5,
    }
    const configured = parseConfig(analyticsConfigSchema, { analytics: { defaultRecipe: recipe } }, 'test')
    const { segmentationMethod, shape, referenceGray } = toRecipeSettings(configured.analytics.defaultRecipe)
    assert.deepEqual(
      [segmentationMethod, shape, referenceGray],
      [SegmentationMethod.EDGES, { finesDiameter: 0, tailLength: 1.8, twinArea: 0 }, 182.5],
    )
    assert.deepEqual(toRecipeSettings(analytics.defaultRecipe), defaultRecipe)
    const few = { analytics: { alerts: { stripsWindow: 20 } } }
    assert.throws(() => parseConfig(analyticsConfigSchema, few, 'test'), /alerts\.minStrips.*at most stripsWindow/)
    const fewRows = { analytics: { alerts: { rowsWindow: 19_999 } } }
    assert.throws(() => parseConfig(analyticsConfigSchema, fewRows, 'test'), /alerts\.minRows.*at most rowsWindow/)
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
