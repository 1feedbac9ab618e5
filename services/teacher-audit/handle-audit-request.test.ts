import assert from 'node:assert/strict'
import test from 'node:test'
import { create } from '@bufbuild/protobuf'
import { AuditRequestMessageSchema, AuditStratum } from '../gen/pelletline/events/v1/events_pb.ts'
import { ModelRefSchema, Verdict } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { Bus, OutgoingMessage } from '../shared/bus/bus.ts'
import { createMemoryBus } from '../shared/bus/memory-bus.ts'
import { headerNames } from '../shared/bus/topics.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { grayCrops } from '../shared/onnx/test-support/tiny-model.ts'
import { systemClock } from '../shared/service/clock.ts'
import { handleAuditRequest, type WarmTeachers } from './handle-audit-request.ts'

test('an audit is told of once, when its answer is published, and the answer counts no replay of its request', async () => {
  const published: OutgoingMessage[] = []
  let failures = 1
  const publish: Bus['publish'] = async (_, messages) => {
    if (failures-- > 0) throw new PelletlineError('unavailable', 'No broker.')
    published.push(...messages)
  }
  const scores = [{ margins: [-3], ensembleScoreNg: 0.05, verdict: Verdict.OK }]
  const teachers: WarmTeachers = {
    scorer: { score: async () => scores, queued: () => 0, idle: async () => {} },
    models: [create(ModelRefSchema, { id: 'vgg', sha256: 'a'.repeat(64) })],
  }
  const crop = grayCrops(50)
  const item = { index: 3, stratum: AuditStratum.REST, inclusionProbability: 0.25, crop, studentVerdict: Verdict.OK }
  const request = create(AuditRequestMessageSchema, {
    key: { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: 'run-1', strip: 4n },
    lot: 'lot-1',
    items: [item],
  })
  const told: string[] = []
  const handle = () =>
    handleAuditRequest(
      { bus: { ...createMemoryBus(), publish }, clock: systemClock, record: ({ lot }) => void told.push(lot) },
      teachers,
      request,
      { [headerNames.line]: 'line-1', [headerNames.replays]: '3' },
      new AbortController().signal,
    )
  await assert.rejects(handle(), { code: 'unavailable' })
  assert.deepEqual(told, [])
  await handle()
  assert.deepEqual(told, ['lot-1'])
  const [answer] = published
  assert.equal(answer?.headers[headerNames.line], 'line-1')
  assert.equal(answer?.headers[headerNames.replays], undefined)
})
