import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { AuditTimesSchema, type VerdictsMessage } from '../../gen/pelletline/events/v1/events_pb.ts'
import { Outcome, StageTimesSchema, Verdict } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { TraceService } from '../../gen/pelletline/trace/v1/trace_pb.ts'
import { createLocalClient } from '../../shared/rpc/local-client.ts'
import type { ServiceImplementation } from '../../shared/rpc/types.ts'
import { deriveTraceId } from '../../shared/telemetry/pellet-name.ts'
import { makeAudits, makeVerdicts, type StripPlan } from '../test-support/make-messages.ts'
import { type RunningAnalytics, useSharedDatabase } from '../test-support/shared-database.ts'
import { findAudits } from './find-audits.ts'

const ms = 1_000_000n
const exposedNs = 1_700_000_000_000n * ms
const plan: StripPlan = { line: 'traced', lot: 'traced-lot', strip: 3, parts: ['oonc', 'on'] }
const strip = { plant: 'plant-1', line: 'traced', camera: 'camera-1', run: 'run-1', strip: 3n }

function timed(message: VerdictsMessage): VerdictsMessage {
  Object.assign(message.header ?? {}, { exposedUnixNs: exposedNs })
  const at = (time: number) => exposedNs + BigInt(time) * ms
  const segmented = { receivedUnixNs: at(20), segmentationBeganUnixNs: at(21), segmentationEndedUnixNs: at(25) }
  const judged = { inferenceQueuedUnixNs: at(26), inferenceBeganUnixNs: at(30), inferenceEndedUnixNs: at(40) }
  message.times = create(StageTimesSchema, { exposedUnixNs: exposedNs, ...segmented, ...judged })
  return message
}

function clientOf({ analytics }: RunningAnalytics) {
  const found = analytics.implementations.find(({ service }) => service.typeName === TraceService.typeName)
  return createLocalClient(found as unknown as ServiceImplementation<typeof TraceService>)
}

describe('GetPelletTrace', () => {
  const withAnalytics = useSharedDatabase()

  it('answers the way of a pellet from the books, whether or not telemetry was on', () =>
    withAnalytics(async (running) => {
      await running.publish(makeVerdicts(plan).map(timed))
      const audit = makeAudits(plan, [{ index: 5, probability: 0.5, student: 'NG', teacher: 'OK' }], 1)
      const times = { takenUnixNs: exposedNs + 60n * ms, endedUnixNs: exposedNs + 90n * ms }
      audit.times = create(AuditTimesSchema, times)
      await running.publish([audit])
      await running.settled()
      const client = clientOf(running)
      const traceOf = async (index: number) => (await client.getPelletTrace({ key: { strip, index } })).trace

      const ng = await traceOf(5)
      assert.equal(ng?.traceId, deriveTraceId({ strip, index: 5 }))
      assert.deepEqual(
        [ng?.lot, ng?.outcome, ng?.verdict, ng?.simulated],
        [plan.lot, Outcome.CLASSIFIED, Verdict.NG, true],
      )
      assert.deepEqual([ng?.margin, ng?.threshold, ng?.model?.id], [4.5, 0.5, 'student-1'])
      assert.deepEqual(
        ng?.stages
          .map(({ name, beganUnixNs, endedUnixNs }) => [
            name,
            Number((beganUnixNs - exposedNs) / ms),
            name === 'alert' ? 0 : Number((endedUnixNs - exposedNs) / ms),
          ])
          .slice(0, 5),
        [
          ['capture', 0, 20],
          ['segment', 21, 25],
          ['queue', 26, 30],
          ['infer', 30, 40],
          ['audit', 60, 90],
        ],
      )
      assert.equal(ng?.stages[5]?.name, 'alert')
      assert.deepEqual([ng?.audit?.verdict, ng?.audit?.inclusionProbability], [Verdict.OK, 0.5])

      const cluster = await traceOf(3)
      assert.equal(cluster?.outcome, Outcome.NOT_JUDGED)
      assert.equal(cluster?.verdict, Verdict.UNSPECIFIED)
      assert.deepEqual(
        cluster?.stages.map(({ name }) => name),
        ['capture', 'segment', 'alert'],
      )
      assert.equal((await traceOf(0))?.verdict, Verdict.OK)

      await assert.rejects(traceOf(6), { code: 'not_found', message: /its strip holds the indices 0 to 5/ })
      const other = { ...strip, strip: 4n }
      await assert.rejects(client.getPelletTrace({ key: { strip: other, index: 0 } }), { code: 'not_found' })
      const unknown = { ...strip, run: 'run-9' }
      const message = /no run run-9/
      await assert.rejects(client.getPelletTrace({ key: { strip: unknown, index: 0 } }), { code: 'not_found', message })

      const [none, found, unknownRun] = await findAudits(running.database.db, [
        { strip, firstIndex: 0, count: 4 },
        { strip, firstIndex: 4, count: 2 },
        { strip: unknown, firstIndex: 4, count: 2 },
      ])
      assert.deepEqual(
        found?.items.map(({ index, teacherVerdict }) => [index, teacherVerdict]),
        [[5, Verdict.OK]],
      )
      assert.deepEqual([found?.takenNs, found?.endedNs], [times.takenUnixNs, times.endedUnixNs])
      assert.deepEqual([none, unknownRun], [undefined, undefined])
      assert.deepEqual(await findAudits(running.database.db, []), [])
    }))

  it('says which part is missing where a strip is booked in part', () =>
    withAnalytics(async (running) => {
      const partial = { ...plan, strip: 9 }
      await running.publish(makeVerdicts(partial).map(timed).slice(0, 1))
      await running.settled()
      const key = { strip: { ...strip, strip: 9n }, index: 5 }
      await assert.rejects(clientOf(running).getPelletTrace({ key }), {
        code: 'not_found',
        message: /part 0 of 2 ends at index 3, and the next is not booked yet/,
      })
    }))
})
