import { create } from '@bufbuild/protobuf'
import {
  AuditStratum,
  type AuditsMessage,
  AuditsMessageSchema,
  KeepReason,
  type VerdictsMessage,
  VerdictsMessageSchema,
} from '../../gen/pelletline/events/v1/events_pb.ts'
import { Outcome, Verdict } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'

/** One strip as tests describe it; a letter per pellet: o OK, n NG, c cluster (not judged), s shed. */
export interface StripPlan {
  readonly line: string
  readonly lot: string
  readonly strip: number
  /** One text per part. */
  readonly parts: readonly string[]
  readonly run?: string
  readonly rowsLost?: number
  readonly model?: string
  readonly threshold?: number
}

const testModelDigest = 'ab'.repeat(32)
const rows = 1024

function keyOf({ line, strip, run = 'run-1' }: StripPlan) {
  return { plant: 'plant-1', line, camera: 'camera-1', run, strip: BigInt(strip) }
}

/** The verdicts messages of a strip, one per part. */
export function makeVerdicts(plan: StripPlan): VerdictsMessage[] {
  let firstIndex = 0
  return plan.parts.map((text, part) => {
    const pellets = [...text]
    const count = (letters: string) => BigInt(pellets.filter((letter) => letters.includes(letter)).length)
    const from = firstIndex
    firstIndex += pellets.length
    return create(VerdictsMessageSchema, {
      header: {
        key: keyOf(plan),
        firstRow: BigInt(plan.strip * rows),
        rows,
        width: 2048,
        threshold: 60,
        medianAreaPx: 900,
        minAreaPx: 150,
        cropScale: 1,
        lot: plan.lot,
        recipe: 'default',
        recipeVersion: 1,
        simulated: true,
      },
      part,
      partCount: plan.parts.length,
      firstIndex: from,
      pellets: {
        x: pellets.map((_, index) => index * 40),
        y: pellets.map((_, index) => BigInt(index - 3)),
        width: pellets.map(() => 35),
        height: pellets.map(() => 33),
        areaPx: pellets.map((_, index) => 900 + index),
        equivalentDiameterPx: pellets.map(() => 33.85),
        aspectRatio: pellets.map(() => 1.1),
        roundness: pellets.map(() => 0.9),
        meanGray: pellets.map(() => 180.5),
        notJudged: pellets.map((letter) => (letter === 'c' ? 1 : 0)),
        touchesBorder: pellets.map(() => 0),
      },
      outcome: pellets.map((letter) =>
        letter === 'c' ? Outcome.NOT_JUDGED : letter === 's' ? Outcome.SHED : Outcome.CLASSIFIED,
      ),
      margin: pellets.map((letter) => (letter === 'n' ? 4.5 : letter === 'o' ? -6.25 : 0)),
      model: { id: plan.model ?? 'student-1', sha256: testModelDigest },
      threshold: plan.threshold ?? 0.5,
      kept: pellets.flatMap((letter, index) =>
        letter === 'n' ? [{ index: from + index, reason: KeepReason.NG, crop: new Uint8Array(2500).fill(index) }] : [],
      ),
      reconciliation: {
        ...(part === 0 ? { rowsAcquired: BigInt(rows), rowsLost: BigInt(plan.rowsLost ?? 0), strips: 1n } : {}),
        found: count('oncs'),
        classified: count('on'),
        shed: count('s'),
        notJudged: count('c'),
        notJudgedByReason: { cluster: count('c') },
        ng: count('n'),
      },
    })
  })
}

export interface AuditPlan {
  readonly index: number
  readonly probability: number
  readonly student: 'OK' | 'NG'
  readonly teacher: 'OK' | 'NG'
}

/** The audits message of one part. */
export function makeAudits(plan: StripPlan, items: readonly AuditPlan[], part = 0): AuditsMessage {
  return create(AuditsMessageSchema, {
    key: keyOf(plan),
    part,
    lot: plan.lot,
    student: { id: plan.model ?? 'student-1', sha256: testModelDigest },
    teachers: [{ id: 'teacher-1', sha256: testModelDigest }],
    items: items.map(({ index, probability, student, teacher }) => ({
      index,
      stratum: student === 'NG' ? AuditStratum.NG : AuditStratum.REST,
      inclusionProbability: probability,
      studentMargin: student === 'NG' ? 4.5 : -6.25,
      studentVerdict: Verdict[student],
      teacherMargins: [teacher === 'NG' ? 3 : -3],
      ensembleScoreNg: teacher === 'NG' ? 0.95 : 0.05,
      teacherVerdict: Verdict[teacher],
      ...(student === teacher ? {} : { crop: new Uint8Array(2500) }),
    })),
  })
}
