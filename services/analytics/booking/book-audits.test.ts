import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AuditStratum } from '../../gen/pelletline/events/v1/events_pb.ts'
import { Verdict } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { makeAudits, makeVerdicts } from '../test-support/make-messages.ts'
import { engines, type RunningAnalytics, useSharedDatabase } from '../test-support/shared-database.ts'
import { forgetSecondAudits } from './second-audits.ts'

const lotOf = async (running: RunningAnalytics, lot: string) => (await running.lots.getLot({ lot })).lot!
const auditsOf = (running: RunningAnalytics, lot: string) =>
  running.database.db
    .selectFrom('lot_audits')
    .innerJoin('lots', 'lots.lot_id', 'lot_audits.lot_id')
    .select(['audited', 'disagreed'])
    .where('lots.name', '=', lot)
    .execute()

for (const engine of engines) {
  describe(`audits on ${engine}`, () => {
    const withAnalytics = useSharedDatabase(engine)

    test('of screened pellets disagree where the teachers find one NG, also when they are taken back', async () => {
      await withAnalytics(async (running) => {
        const plan = { line: 'screened', lot: 'screened', strip: 0, parts: ['oooo'], model: 'withdrawn' }
        const teachers = ['OK', 'NG', 'OK', 'OK'] as const
        const audits = makeAudits(
          plan,
          teachers.map((teacher, index) => ({ index, probability: 0.5, student: 'OK', teacher })),
        )
        for (const item of audits.items) {
          Object.assign(item, { stratum: AuditStratum.SCREENED, studentVerdict: Verdict.UNSPECIFIED })
        }
        await running.publish([audits])
        await running.settled()
        assert.equal((await lotOf(running, 'screened')).disagreement?.value, 0.25)
        await running.publish(makeVerdicts({ ...plan, model: 'booked' }))
        await running.settled()
        assert.deepEqual(await auditsOf(running, 'screened'), [{ audited: 0n, disagreed: 0n }])
      })
    })

    test('of both judgements of a part that come before it: those of the one that is booked count, whichever came first', async () => {
      await withAnalytics(async (running) => {
        const { db } = running.database
        const planOf = (strip: number, model: string) => ({ line: 'both', lot: 'both', strip, parts: ['oo'], model })
        const auditsBy = (strip: number, model: string) =>
          makeAudits(
            planOf(strip, model),
            [0, 1].map((index) => ({ index, probability: 0.5, student: 'OK', teacher: model === 'one' ? 'OK' : 'NG' })),
          )
        const figures = async () => {
          const { reconciliation, disagreement } = await lotOf(running, 'both')
          const kept = await db.selectFrom('second_audits').select(['strip', 'index']).orderBy('strip').execute()
          return [Number(reconciliation?.audited), disagreement?.value, kept.length]
        }
        // Of strip 0 one by one, of strip 1 in one transaction; some come twice.
        for (const model of ['one', 'two', 'three', 'two']) {
          await running.publish([auditsBy(0, model)])
          await running.settled()
        }
        await running.publish([auditsBy(1, 'one'), auditsBy(1, 'two'), auditsBy(1, 'one')])
        await running.settled()
        assert.deepEqual(await figures(), [4, 0, 6])
        await running.publish([...makeVerdicts(planOf(0, 'two')), ...makeVerdicts(planOf(1, 'one'))])
        await running.settled()
        assert.deepEqual(await figures(), [4, 0.5, 0])
        await running.publish([auditsBy(0, 'one'), auditsBy(0, 'two'), auditsBy(1, 'two')])
        await running.settled()
        assert.deepEqual(await figures(), [4, 0.5, 0])
        const students = await db
          .selectFrom('audits')
          .innerJoin('runs', 'runs.run_id', 'audits.run_id')
          .innerJoin('models', 'models.model_id', 'audits.student_id')
          .select(['strip', 'manifest_id'])
          .where('line', '=', 'both')
          .orderBy('strip')
          .execute()
        assert.deepEqual(
          students.map((row) => row.manifest_id),
          ['two', 'two', 'one', 'one'],
        )
      })
    })

    test('that were kept aside for a part that never comes go with age', async () => {
      await withAnalytics(async (running) => {
        const { db } = running.database
        const plan = { line: 'never', lot: 'never', strip: 0, parts: ['o'] }
        const audited = [{ index: 0, probability: 0.5, student: 'OK', teacher: 'OK' }] as const
        for (const model of ['one', 'two']) {
          await running.publish([makeAudits({ ...plan, model }, audited)])
          await running.settled()
        }
        const [row] = await db.selectFrom('second_audits').selectAll().execute()
        await forgetSecondAudits(db, row!.booked_unix_ns)
        assert.equal((await db.selectFrom('second_audits').select('index').execute()).length, 1)
        await forgetSecondAudits(db, row!.booked_unix_ns + 1n)
        assert.deepEqual(await db.selectFrom('second_audits').select('index').execute(), [])
      })
    })

    test('that were all taken back leave no disagreement', async () => {
      await withAnalytics(async (running) => {
        const plan = { line: 'taken-back', lot: 'taken-back', strip: 0, parts: ['on'] }
        const audited = { probability: 0.5, student: 'NG', teacher: 'NG' } as const
        await running.publish([makeAudits({ ...plan, model: 'withdrawn' }, [{ index: 1, ...audited }])])
        await running.settled()
        assert.equal((await lotOf(running, 'taken-back')).disagreement?.value, 0)
        await running.publish(makeVerdicts({ ...plan, model: 'booked' }))
        await running.settled()
        const { reconciliation, disagreement } = await lotOf(running, 'taken-back')
        assert.deepEqual([reconciliation?.audited, disagreement], [0n, undefined])
      })
    })
  })
}
