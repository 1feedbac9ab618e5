import { AuditStratum, type AuditsMessage, type VerdictsMessage } from '../../gen/pelletline/events/v1/events_pb.ts'
import { type Reconciliation, Verdict } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { findMeasureViolations, laterColumns } from '../../shared/inspection/check-measures.ts'
import { type BookingEntry, stripOf } from './entries.ts'

const maxInt4 = 2n ** 31n - 1n
const maxInt8 = 2n ** 63n - 1n

const smallCounts = ['strips', 'found', 'classified', 'screened', 'shed', 'notJudged', 'ng', 'dust'] as const

/**
 * Refuses what cannot be booked, with `invalid_argument` naming the strip and the field: strips of another plant than
 * `plant`, columns of unequal length, measures that are no numbers, specks without a pellet, counts and numbers beyond the
 * columns of the database, pellets outside their part, audits of pellets that no student judged. Counts that do not balance are booked: it
 * is the lot that says so.
 */
export function checkEntry(entry: BookingEntry, plant: string): void {
  const key = stripOf(entry)
  const name = `${key.plant}/${key.line}/${key.camera}/${key.run}/${key.strip}`
  const refuse = (field: string, what: string) => {
    throw new PelletlineError(
      'invalid_argument',
      `${entry.kind} of strip ${name} part ${entry.message.part}: ${field} ${what}. Look at the producer of the message.`,
      { violations: [{ field, description: what }] },
    )
  }
  if (key.plant !== plant) refuse('key.plant', `is ${key.plant}; these are the books of ${plant}`)
  if (key.strip > maxInt8) refuse('key.strip', `is ${key.strip}; at most ${maxInt8}`)
  if (entry.message.part > 65_535) refuse('part', `is ${entry.message.part}; at most 65535`)
  if (entry.kind === 'verdicts') checkVerdicts(entry.message, refuse)
  else checkAudits(entry.message, refuse)
}

type Refuse = (field: string, what: string) => void

function checkVerdicts(message: VerdictsMessage, refuse: Refuse) {
  const { pellets, header, reconciliation } = message
  const count = pellets?.x.length ?? 0
  if (message.part >= message.partCount) refuse('part', `is ${message.part} of ${message.partCount}`)
  if (BigInt(message.firstIndex) + BigInt(count) > maxInt4) refuse('first_index', `is ${message.firstIndex}`)
  if ((header?.recipeVersion ?? 0) > Number(maxInt4)) refuse('header.recipe_version', `is ${header?.recipeVersion}`)
  const columns = { outcome: message.outcome, margin: message.margin, ...pellets }
  const later: ReadonlySet<string> = new Set(laterColumns)
  for (const [field, column] of Object.entries(columns)) {
    if (Array.isArray(column) && column.length !== count && !later.has(field)) {
      refuse(field, `has ${column.length} entries for ${count} pellets`)
    }
  }
  if (pellets !== undefined) {
    const [violation] = findMeasureViolations(pellets, message.specks, count)
    if (violation !== undefined) refuse(violation.field, `has ${violation.description}`)
  }
  for (const kept of message.kept) {
    if (kept.index < message.firstIndex || kept.index >= message.firstIndex + count) {
      refuse(
        'kept.index',
        `is ${kept.index}; the part holds ${message.firstIndex} to ${message.firstIndex + count - 1}`,
      )
    }
  }
  if (reconciliation !== undefined) checkCounts(reconciliation, refuse)
}

function checkCounts(counts: Reconciliation, refuse: Refuse) {
  for (const field of smallCounts) {
    if (counts[field] > maxInt4)
      refuse(`reconciliation.${field}`, `is ${counts[field]}; one part adds at most ${maxInt4}`)
  }
  for (const field of ['cluster', 'oversize', 'imageEdge', 'lostRows'] as const) {
    const value = counts.notJudgedByReason?.[field] ?? 0n
    if (value > maxInt4) refuse(`reconciliation.not_judged_by_reason.${field}`, `is ${value}; at most ${maxInt4}`)
  }
  for (const field of ['rowsAcquired', 'rowsLost'] as const) {
    // A lot sums many parts: leave room for that.
    if (counts[field] > 2n ** 40n) refuse(`reconciliation.${field}`, `is ${counts[field]}; one part adds at most 2^40`)
  }
}

function checkAudits(message: AuditsMessage, refuse: Refuse) {
  for (const item of message.items) {
    if (BigInt(item.index) > maxInt4) refuse('items.index', `is ${item.index}; at most ${maxInt4}`)
    // One without a verdict would be taken for a screened pellet, and would agree wherever the teachers find it good.
    if (item.studentVerdict === Verdict.UNSPECIFIED && item.stratum !== AuditStratum.SCREENED) {
      refuse('items.student_verdict', `of pellet ${item.index} is not stated; only a screened pellet has none`)
    }
  }
}
