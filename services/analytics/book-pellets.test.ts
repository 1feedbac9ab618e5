import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import type { AuditsMessage, VerdictsMessage } from '../gen/pelletline/events/v1/events_pb.ts'
import { LengthUnit } from '../gen/pelletline/mes/v1/mes_pb.ts'
import { ShapeLimitsSchema } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { createMemoryBus } from '../shared/bus/memory-bus.ts'
import { deadLetterTopic } from '../shared/bus/topics.ts'
import { seededUniform } from '../shared/statistics/test-support/seeded-draws.ts'
import { unpackColumns, unpackSpecks } from '../shared/store/index.ts'
import { addMeasures } from './test-support/add-measures.ts'
import { makeAudits, makeVerdicts, type StripPlan } from './test-support/make-messages.ts'
import { engines, type RunningAnalytics, useSharedDatabase } from './test-support/shared-database.ts'
import { until, watchOnce } from './test-support/start-analytics.ts'

const lotOf = async (running: RunningAnalytics, lot: string) => (await running.lots.getLot({ lot })).lot!

for (const engine of engines) {
  describe(`bookings on ${engine}`, () => {
    const withAnalytics = useSharedDatabase(engine)

    test('each pellet is counted exactly once, whatever the bus repeats, reorders and redelivers', {
      timeout: 300_000,
    }, async () => {
      let round = 0
      const anyPart = fc.stringMatching(/^[oncs]{0,6}$/)
      const anyStrips = fc.array(
        fc.record({
          parts: fc.array(anyPart, { minLength: 1, maxLength: 3 }),
          lot: fc.constantFrom('a', 'b'),
          audit: fc.boolean(),
          twice: fc.boolean(),
        }),
        { minLength: 1, maxLength: 12 },
      )
      await fc.assert(
        fc.asyncProperty(anyStrips, fc.integer(), async (strips, seed) => {
          round += 1
          const line = `disorder-${round}`
          const random = seededUniform(seed)
          const plans = strips.map(
            ({ parts, lot }, strip): StripPlan => ({ line, lot: `${line}-${lot}`, strip, parts }),
          )
          const messages: (VerdictsMessage | AuditsMessage)[] = plans.flatMap((plan, at) => {
            const verdicts = makeVerdicts(plan).map(addMeasures)
            const { audit, twice } = strips[at]!
            const found = plan.parts[0]!.length
            const audits =
              audit && found > 0
                ? [
                    makeAudits(plan, [
                      { index: 0, probability: 0.5, student: 'OK', teacher: at % 2 === 0 ? 'OK' : 'NG' },
                    ]),
                  ]
                : []
            // Two more are drawn than are audited.
            if (audits.length > 0) verdicts[0]!.auditSampled = 3
            const once = [...audits, ...verdicts]
            return twice ? [...once, ...once] : once
          })
          messages.sort(() => random() - 0.5)
          const disorder = { duplicate: 0.3, reorder: 0.3, redeliver: 0.3, random }
          await withAnalytics(
            async (running) => {
              await running.publish(messages)
              await running.settled()
              for (const lot of ['a', 'b']) {
                const own = plans.filter((plan) => plan.lot === `${line}-${lot}`)
                if (own.length === 0) continue
                const { reconciliation: counts, balanced, ...lotRest } = await lotOf(running, `${line}-${lot}`)
                const letters = own.flatMap((plan) => plan.parts).join('')
                const count = (wanted: string) =>
                  BigInt([...letters].filter((letter) => wanted.includes(letter)).length)
                const audited = own.filter((plan) => strips[plan.strip]!.audit && plan.parts[0] !== '').length
                assert.deepEqual(
                  [counts?.strips, counts?.rowsAcquired, counts?.found, counts?.classified, counts?.ng, counts?.shed],
                  [BigInt(own.length), BigInt(1024 * own.length), count('oncs'), count('on'), count('n'), count('s')],
                )
                assert.equal(counts?.notJudgedByReason?.cluster, count('c'))
                assert.deepEqual([counts?.audited, counts?.auditSampled], [BigInt(audited), BigInt(3 * audited)])
                assert.ok(balanced)
                // What was shed has no measures.
                if (count('onc') === 0n) continue
                assert.deepEqual(
                  [lotRest.shapes?.regular, lotRest.shapes?.clusters, lotRest.specked, lotRest.specksMeasured],
                  [count('on'), count('c'), count('n'), count('on')],
                )
                const sizes = await running.lots.getLotDistributions({ lot: `${line}-${lot}` })
                const piecesOf = (list: typeof sizes.pellets) => list.reduce((sum, { pieces }) => sum + pieces, 0n)
                assert.deepEqual([piecesOf(sizes.pellets), piecesOf(sizes.specks)], [count('on'), 2n * count('n')])
              }
            },
            { bus: createMemoryBus({ disorder, retry: { firstPauseMs: 1, maxPauseMs: 5 } }) },
          )
        }),
        { numRuns: 12 },
      )
    })

    test('measures are stored with the part, and a lot gives shapes, specks, gray deviation and sizes', async () => {
      await withAnalytics(async (running) => {
        const { lots, registry, database } = running
        const { recipe } = await registry.getRecipe({ id: 'default' })
        await registry.putRecipe({
          recipe: {
            ...recipe!,
            id: 'gray',
            version: 0,
            referenceGray: 175,
            shape: create(ShapeLimitsSchema, { tailLength: 1.1 }),
          },
        })
        await watchOnce(registry, 'measured')
        await lots.openLot({ lot: 'M-1', line: 'measured', recipe: 'gray' })
        const [old, ...measured] = [0, 1, 2].flatMap((strip) =>
          makeVerdicts({ line: 'measured', lot: 'M-1', strip, parts: ['oonc'] }),
        )
        for (const message of [old!, ...measured]) message.header!.recipe = 'gray'
        await running.publish([old!, ...measured.map(addMeasures), measured[0]!])
        await running.settled()

        const lot = await lotOf(running, 'M-1')
        // 36 by 32 px is longer than this recipe takes; the first strip has no Feret diameters.
        assert.deepEqual([lot.shapes?.regular, lot.shapes?.tails, lot.shapes?.clusters], [0n, 6n, 2n])
        assert.deepEqual([lot.specked, lot.specksMeasured], [2n, 6n])
        assert.ok(Math.abs(lot.grayDeviation! - 5.5) < 1e-9)
        const { pellets, specks } = await lots.getLotDistributions({ lot: 'M-1' })
        assert.deepEqual(
          pellets.map(({ unit, pieces, classes }) => [unit, pieces, classes.length]),
          [
            [LengthUnit.UM, 6n, 1],
            [LengthUnit.PX, 3n, 1],
          ],
        )
        assert.ok(Math.abs(pellets[0]!.d50 / (33.85 * 60) - 1) < 0.06)
        assert.deepEqual([specks[0]?.pieces, specks[0]?.classes.at(-1)?.pieces], [4n, 2n])

        const parts = await database.db
          .selectFrom('strip_parts')
          .innerJoin('lots', 'lots.lot_id', 'strip_parts.lot_id')
          .select(['columns', 'specks'])
          .where('lots.name', '=', 'M-1')
          .orderBy('strip')
          .execute()
        assert.deepEqual([parts[0]!.specks, unpackColumns(parts[0]!.columns).feretLengthPx], [null, undefined])
        assert.deepEqual(unpackColumns(parts[1]!.columns).feretLengthPx, [36, 36, 36, 36])
        assert.deepEqual(unpackSpecks(parts[1]!.specks!).pellet, [2, 2])
      })
    })

    test('pellets of a recipe that the books do not know are counted without a class of shape', async () => {
      await withAnalytics(async (running) => {
        const [message] = makeVerdicts({ line: 'unknown', lot: 'unknown-lot', strip: 0, parts: ['oon'] }).map(
          addMeasures,
        )
        message!.header!.recipeVersion = 99
        await running.publish([message!])
        await running.settled()
        const { shapes, specked, grayDeviation } = await lotOf(running, 'unknown-lot')
        assert.deepEqual([shapes?.regular, specked, grayDeviation], [0n, 1n, undefined])
      })
    })

    test('an audit may come before its part, and neither is lost nor doubled', async () => {
      await withAnalytics(async (running) => {
        const plan = { line: 'early', lot: 'early-lot', strip: 0, parts: ['on'] }
        const audits = makeAudits(plan, [{ index: 1, probability: 0.5, student: 'NG', teacher: 'OK' }])
        await running.publish([audits])
        await running.settled()
        assert.equal((await lotOf(running, 'early-lot')).reconciliation?.audited, 1n)
        await running.publish([...makeVerdicts(plan), audits])
        await running.settled()
        const lot = await lotOf(running, 'early-lot')
        assert.equal(lot.reconciliation?.audited, 1n)
        assert.equal(lot.reconciliation?.found, 2n)
        // Nothing was drawn of the half that was judged OK.
        assert.deepEqual([lot.disagreement?.value, lot.disagreement?.upper], [0.5, 1])
      })
    })

    test('audits are of the verdicts in the books: those of a model that judged a part once more are left out or taken back', async () => {
      await withAnalytics(async (running) => {
        const planOf = (strip: number, model: string) => ({
          line: 'switch',
          lot: 'switch-1',
          strip,
          parts: ['oon'],
          model,
        })
        const auditsOf = (strip: number, model: string, indices: readonly number[]) =>
          makeAudits(
            planOf(strip, model),
            indices.map((index) => ({
              index,
              probability: 0.5,
              student: 'NG',
              teacher: model === 'after' ? 'OK' : 'NG',
            })),
          )
        const figures = async () => {
          const { reconciliation, disagreement } = await lotOf(running, 'switch-1')
          return [Number(reconciliation?.audited), disagreement?.value]
        }
        // The crops of strip 0 come again after the switch, and so does an audit, when the next lot is open already.
        await running.publish([planOf(0, 'before'), planOf(0, 'after')].flatMap(makeVerdicts))
        await running.settled()
        await running.publish([auditsOf(0, 'after', [1, 2]), auditsOf(0, 'before', [2])])
        await running.settled()
        assert.deepEqual(await figures(), [1, 0])
        await running.publish(makeVerdicts({ ...planOf(1, 'after'), lot: 'switch-2' }))
        await running.publish([auditsOf(0, 'before', [2]), auditsOf(0, 'after', [2])])
        await running.settled()
        assert.deepEqual(await figures(), [1, 0])
        assert.equal((await lotOf(running, 'switch-2')).reconciliation?.audited, 0n)
        // The audit of strip 2 by the model after comes before any verdict.
        await running.publish([auditsOf(2, 'after', [0, 1])])
        await running.settled()
        assert.equal((await figures())[0], 3)
        await running.publish([planOf(2, 'before'), planOf(2, 'after')].flatMap(makeVerdicts))
        await running.settled()
        await running.publish([auditsOf(2, 'before', [1])])
        await running.settled()
        assert.deepEqual(await figures(), [2, 0])
        const students = await running.database.db
          .selectFrom('audits')
          .innerJoin('lots', 'lots.lot_id', 'audits.lot_id')
          .innerJoin('models', 'models.model_id', 'audits.student_id')
          .select(['strip', 'index', 'manifest_id'])
          .where('lots.line', '=', 'switch')
          .orderBy('strip')
          .execute()
        assert.deepEqual(
          students.map((row) => [row.strip, row.index, row.manifest_id]),
          [
            [0n, 2, 'before'],
            [2n, 1, 'before'],
          ],
        )
      })
    })

    test('after a restart all that comes again changes nothing, and what is new is counted', async () => {
      const plans = Array.from({ length: 12 }, (_, strip) => ({
        line: 'again',
        lot: 'again-lot',
        strip,
        parts: ['oon', 'oc'],
      }))
      const messages = plans.flatMap((plan) => [
        ...makeVerdicts(plan),
        makeAudits(plan, [{ index: 2, probability: 0.5, student: 'NG', teacher: 'NG' }]),
      ])
      await withAnalytics(async (running) => {
        await running.publish(messages.slice(0, 17))
        await running.settled()
      })
      await withAnalytics(async (running) => {
        await running.publish(messages)
        await running.settled()
        const { reconciliation: counts, balanced } = await lotOf(running, 'again-lot')
        assert.deepEqual([counts?.found, counts?.ng, counts?.audited, counts?.strips], [60n, 12n, 12n, 12n])
        assert.ok(balanced)
      })
    })

    test('a message that cannot be booked goes to the dead letters, and those beside it are counted', async () => {
      await withAnalytics(async (running) => {
        const reasons: string[] = []
        await running.bus.subscribe({
          topic: deadLetterTopic,
          group: 'test',
          maxInFlight: 1,
          handle: async (message) => void reasons.push(message.headers['pelletline-dead-letter-reason'] ?? ''),
        })
        const plans = [0, 1, 2].map((strip) => ({ line: 'poison', lot: 'poison-lot', strip, parts: ['oon'] }))
        const messages = plans.flatMap(makeVerdicts)
        messages[1]!.margin.pop()
        await running.publish(messages)
        await running.settled()
        await until(async () => reasons.length > 0)
        assert.match(
          reasons[0]!,
          /strip plant-1\/poison\/camera-1\/run-1\/1 part 0: margin has 2 entries for 3 pellets/,
        )
        const lot = await lotOf(running, 'poison-lot')
        assert.equal(lot.reconciliation?.found, 6n)
      })
    })

    test('verdicts and audits of another plant go to the dead letters and are not counted', async () => {
      await withAnalytics(async (running) => {
        const reasons: string[] = []
        await running.bus.subscribe({
          topic: deadLetterTopic,
          group: 'test',
          maxInFlight: 1,
          handle: async (message) => void reasons.push(message.headers['pelletline-dead-letter-reason'] ?? ''),
        })
        const plan = { line: 'foreign', lot: 'foreign-lot', strip: 0, parts: ['on'] }
        const [verdicts] = makeVerdicts(plan)
        const audits = makeAudits(plan, [{ index: 1, probability: 0.5, student: 'NG', teacher: 'NG' }])
        verdicts!.header!.key!.plant = 'plant-2'
        audits.key!.plant = 'plant-2'
        await running.publish([verdicts!, audits])
        await until(async () => reasons.length === 2)
        for (const reason of reasons) assert.match(reason, /key\.plant is plant-2; these are the books of plant-1/)
        await assert.rejects(running.lots.getLot({ lot: 'foreign-lot' }), { code: 'not_found' })
      })
    })

    test('counts that do not balance are booked and the lot says so', async () => {
      await withAnalytics(async (running) => {
        const [verdicts] = makeVerdicts({ line: 'crooked', lot: 'crooked-lot', strip: 0, parts: ['oooo'] })
        verdicts!.reconciliation!.classified = 3n
        await running.publish([verdicts!])
        await running.settled()
        const lot = await lotOf(running, 'crooked-lot')
        assert.equal(lot.reconciliation?.found, 4n)
        assert.equal(lot.balanced, false)
      })
    })
  })
}
