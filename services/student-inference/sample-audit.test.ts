import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'
import { create } from '@bufbuild/protobuf'
import { AuditStratum } from '../gen/pelletline/events/v1/events_pb.ts'
import { AuditSamplingSchema } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { auditNumber, auditShare, auditStratum, drawAudit } from './sample-audit.ts'

const strip = { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: 'run-1', strip: 7n }
const sampling = create(AuditSamplingSchema, {
  ngRate: 1,
  nearThresholdRate: 0.2,
  nearThresholdBand: 2,
  baseRate: 0.01,
})

test('auditNumber is the leading bits of SHA-256 of salt and name, as anybody can recompute', () => {
  const digest = createHash('sha256').update('salt/plant-1/line-1/camera-1/run-1/7/3').digest('hex')
  const expected = Number(BigInt(`0x${digest}`) >> 203n) / 2 ** 53
  assert.equal(auditNumber('salt', { strip, index: 3 }), expected)
})

test('auditNumber is uniform over the pellets of consecutive strips', () => {
  const cells = new Array<number>(64).fill(0)
  const draws = 64 * 400
  for (let i = 0; i < draws; i += 1) {
    const pellet = { strip: { ...strip, strip: BigInt(Math.floor(i / 384)) }, index: i % 384 }
    cells[Math.floor(auditNumber('salt', pellet) * 64)]! += 1
  }
  const chiSquare = cells.reduce((sum, count) => sum + (count - 400) ** 2 / 400, 0)
  // 63 degrees of freedom: 0.1 % below 33, 0.1 % above 103. The names are fixed, so the figure is too.
  assert.ok(chiSquare > 33 && chiSquare < 103, `chi-square ${chiSquare}`)
})

test('auditNumber of neighbours and of another salt are not correlated', () => {
  const n = 20_000
  const at = (salt: string, index: number) => auditNumber(salt, { strip, index }) - 0.5
  let neighbours = 0
  let salts = 0
  for (let i = 0; i < n; i += 1) {
    neighbours += at('a', i) * at('a', i + 1)
    salts += at('a', i) * at('b', i)
  }
  // Standard error of a correlation of independent uniforms is 1 / sqrt(n) = 0.007.
  assert.ok(Math.abs((neighbours / n) * 12) < 0.03)
  assert.ok(Math.abs((salts / n) * 12) < 0.03)
})

test('auditStratum puts a margin at the threshold into NG and the band below it near the threshold', () => {
  assert.equal(auditStratum(1, 1, sampling), AuditStratum.NG)
  assert.equal(auditStratum(0.99, 1, sampling), AuditStratum.NEAR_THRESHOLD)
  assert.equal(auditStratum(-1, 1, sampling), AuditStratum.NEAR_THRESHOLD)
  assert.equal(auditStratum(-1.01, 1, sampling), AuditStratum.REST)
})

test('drawAudit draws each stratum at its rate and states that rate', () => {
  const shares = [
    { margin: 5, stratum: AuditStratum.NG, rate: 1 },
    { margin: 0, stratum: AuditStratum.NEAR_THRESHOLD, rate: 0.2 },
    { margin: -9, stratum: AuditStratum.REST, rate: 0.01 },
  ]
  const n = 20_000
  for (const { margin, stratum, rate } of shares) {
    let drawn = 0
    for (let index = 0; index < n; index += 1) {
      const draw = drawAudit('salt', { strip, index }, margin, 1, sampling)
      if (draw === undefined) continue
      drawn += 1
      assert.deepEqual(draw, { stratum, inclusionProbability: rate })
    }
    const deviation = Math.abs(drawn - n * rate) / Math.max(1, Math.sqrt(n * rate * (1 - rate)))
    assert.ok(deviation < 4, `${drawn} of ${n} at rate ${rate}`)
  }
})

test('drawAudit keeps what a lower rate has drawn', () => {
  const higher = create(AuditSamplingSchema, { ...sampling, baseRate: 0.05 })
  for (let index = 0; index < 5000; index += 1) {
    const pellet = { strip, index }
    if (drawAudit('salt', pellet, -9, 1, sampling)) assert.ok(drawAudit('salt', pellet, -9, 1, higher))
  }
})

test('auditShare halves the rates of a part until they fit its budget, all alike, and leaves a part within it as it is', () => {
  const budgeted = create(AuditSamplingSchema, { ...sampling, partBudget: 4 })
  const margins = Float32Array.from({ length: 384 }, (_, i) => (i < 100 ? 5 : -50))
  // 100 NG at 1 and 284 others at 0.01 are 102.84 expected.
  assert.equal(auditShare(margins, 1, budgeted), 1 / 32)
  assert.equal(auditShare(margins.subarray(200), 1, budgeted), 1)
  assert.equal(auditShare(margins, 1, sampling), 1)
  assert.equal(auditShare(new Float32Array(0), 1, budgeted), 1)
  let drawn = 0
  for (let part = 0; part < 500; part += 1) {
    const share = auditShare(margins, 1, budgeted)
    for (const [index, margin] of margins.entries()) {
      const pellet = { strip: { ...strip, strip: BigInt(part) }, index }
      const draw = drawAudit('salt', pellet, margin, 1, budgeted, share)
      if (draw === undefined) continue
      drawn += 1
      assert.equal(draw.inclusionProbability, share * (margin === 5 ? 1 : 0.01))
    }
  }
  // 1,607 expected; the names are fixed, so the figure is too.
  assert.ok(Math.abs(drawn - 1607) < 160, `${drawn}`)
})
