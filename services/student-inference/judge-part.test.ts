import assert from 'node:assert/strict'
import test from 'node:test'
import { create, fromBinary, toBinary, toJson } from '@bufbuild/protobuf'
import {
  AuditRequestMessageSchema,
  AuditStratum,
  CropsMessageSchema,
  KeepReason,
  VerdictsMessageSchema,
} from '../gen/pelletline/events/v1/events_pb.ts'
import { ModelRefSchema, Outcome, SpeckColumnsSchema, Verdict } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { validateMessage } from '../shared/rpc/validate-message.ts'
import { checkCropsMessage } from './check-crops-message.ts'
import { type JudgingRules, judgePart } from './judge-part.ts'
import { cropsMessage, testRecipe } from './test-support/crops-message.ts'

const rules: JudgingRules = {
  model: create(ModelRefSchema, { id: 'tiny', sha256: 'ab'.repeat(32) }),
  threshold: 1,
  sampling: testRecipe().audit!,
  auditSalt: 'audit-1',
  galleryPerPart: 1,
}
const times = { queuedNs: 10n, beganNs: 11n, endedNs: 12n }

/** Levels of the pellets and the margins of those with a crop. */
function judge(levels: readonly (number | undefined)[], margins: readonly number[], rest: Partial<JudgingRules> = {}) {
  const message = cropsMessage({ levels, firstIndex: 384, part: 1, partCount: 2 })
  const { verdicts, auditRequest } = judgePart(
    message,
    { ...times, margins: Float32Array.from(margins) },
    { ...rules, ...rest },
  )
  const complete = create(VerdictsMessageSchema, verdicts)
  validateMessage(VerdictsMessageSchema, complete)
  const request = auditRequest === undefined ? undefined : create(AuditRequestMessageSchema, auditRequest)
  if (request !== undefined) validateMessage(AuditRequestMessageSchema, request)
  return { verdicts: complete, request, message }
}

test('judgePart gives every pellet its outcome and its margin, in index order', () => {
  const { verdicts } = judge([10, undefined, 20, 30], [-5, 1, 0.5])
  assert.deepEqual(verdicts.outcome, [Outcome.CLASSIFIED, Outcome.NOT_JUDGED, Outcome.CLASSIFIED, Outcome.CLASSIFIED])
  assert.deepEqual(verdicts.margin, [-5, 0, 1, 0.5])
  assert.equal(verdicts.threshold, 1)
  assert.equal(verdicts.model?.id, 'tiny')
})

test('judgePart hands all measures and specks of the pellets on as they came', () => {
  const message = cropsMessage({ levels: [10, undefined, 20] })
  const measures = { feretLengthPx: [33, 61, 35], feretWidthPx: [28, 30, 29], solidity: [0.98, 0.9, 0.97] }
  Object.assign(message.pellets!, measures, { graySpread: [3, 4, 5], speckCount: [0, 0, 2], speckAreaPx: [0, 0, 9] })
  message.specks = create(SpeckColumnsSchema, {
    pellet: [2, 2],
    areaPx: [5, 4],
    equivalentDiameterPx: [2.5, 2.25],
    contrast: [0.5, 0.25],
    x: [9, 12],
    y: [20, 8],
    atRim: [1, 0],
  })
  checkCropsMessage(message)
  const part = judgePart(message, { ...times, margins: Float32Array.from([-5, 3]) }, rules)
  const verdicts = fromBinary(
    VerdictsMessageSchema,
    toBinary(VerdictsMessageSchema, create(VerdictsMessageSchema, part.verdicts)),
  )
  const rounded = fromBinary(CropsMessageSchema, toBinary(CropsMessageSchema, message))
  assert.deepEqual(verdicts.pellets, rounded.pellets)
  assert.deepEqual(verdicts.specks, rounded.specks)
})

test('judgePart counts so that found = classified + not judged, and leaves the other counts as they came', () => {
  const { reconciliation, times } = judge([10, undefined, 20, 30], [-5, 1, 7]).verdicts
  assert.equal(reconciliation!.found, 4n)
  assert.equal(reconciliation!.classified, 3n)
  assert.equal(reconciliation!.notJudged, 1n)
  assert.equal(reconciliation!.notJudgedByReason!.cluster, 1n)
  assert.equal(reconciliation!.ng, 2n)
  assert.equal(reconciliation!.dust, 3n)
  assert.equal(reconciliation!.rowsAcquired, 64n)
  assert.deepEqual(
    [times!.receivedUnixNs, times!.inferenceQueuedUnixNs, times!.inferenceBeganUnixNs, times!.inferenceEndedUnixNs],
    [6n, 10n, 11n, 12n],
  )
})

test('judgePart keeps the pixels of every NG pellet and of the OK pellets nearest to the threshold', () => {
  const { kept } = judge([10, undefined, 20, 30, 40], [3, 0.2, 0.9, -8]).verdicts
  assert.deepEqual(
    kept.map(({ index, reason, crop }) => [index, reason, crop[0]]),
    [
      [384, KeepReason.NG, 10],
      [387, KeepReason.GALLERY, 30],
    ],
  )
})

test('judgePart sends the sampled pellets to the audit with stratum, rate, pixels and what the student said', () => {
  const levels = Array.from({ length: 300 }, (_, i) => (i % 3) * 10)
  const margins = levels.map((level) => (level === 0 ? 5 : level === 10 ? 0 : -9))
  const { verdicts, request } = judge(levels, margins)
  const items = request!.items
  assert.equal(verdicts.auditSampled, items.length)
  assert.equal(request!.lot, 'lot-1')
  const of = (stratum: AuditStratum) => items.filter((item) => item.stratum === stratum)
  assert.equal(of(AuditStratum.NG).length, 100)
  for (const item of items) {
    const position = item.index - 384
    assert.equal(item.crop[0], levels[position])
    assert.equal(item.studentMargin, margins[position])
    assert.equal(item.studentVerdict, margins[position]! >= 1 ? Verdict.NG : Verdict.OK)
  }
  assert.ok(of(AuditStratum.NEAR_THRESHOLD).every((item) => item.inclusionProbability === 0.5))
  assert.ok(of(AuditStratum.REST).length > 0 && of(AuditStratum.REST).length < 40)
})

test('judgePart asks for no audit where no pellet was drawn, nor of an empty part', () => {
  const sampling = { ...rules.sampling, baseRate: 1e-9 }
  assert.equal(judge([1, 2, 3], [-9, -9, -9], { sampling }).request, undefined)
  const { verdicts, request } = judge([], [])
  assert.equal(request, undefined)
  assert.equal(verdicts.reconciliation!.classified, 0n)
})

test('judgePart answers a message that comes again with the same verdicts and the same sample', () => {
  const levels = Array.from({ length: 200 }, (_, i) => i)
  const margins = levels.map((level) => level / 20 - 6)
  const json = () => {
    const { verdicts, request } = judge(levels, margins)
    return [toJson(VerdictsMessageSchema, verdicts), toJson(AuditRequestMessageSchema, request!)]
  }
  assert.deepEqual(json(), json())
})
