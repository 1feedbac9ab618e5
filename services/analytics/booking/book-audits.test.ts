import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AuditStratum } from '../../gen/pelletline/events/v1/events_pb.ts'
import { Verdict } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { makeAudits, makeVerdicts } from '../test-support/make-messages.ts'
import { engines, type RunningAnalytics, useSharedDatabase } from '../test-support/shared-database.ts'

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
