import {
  ModelAction,
  type ModelAssignment,
  type ModelChange,
  ModelState,
  type ModelStatus,
  type ShadowComparison,
  type StudentModels,
} from '../../gen/pelletline/registry/v1/models_pb.ts'
import { formatCount, formatPercent, formatQuantity } from '../format-number.ts'
import { nameOf } from '../remote/describe-lot.ts'
import { describeTime } from '../remote/describe-time.ts'
import type { Column } from '../render-table.ts'

const stateNames: Readonly<Record<number, string>> = {
  [ModelState.STORED]: 'stored',
  [ModelState.LOADING]: 'loading',
  [ModelState.READY]: 'ready',
  [ModelState.REFUSED]: 'refused',
  [ModelState.RETIRING]: 'retiring',
  [ModelState.FAILED]: 'failed',
}

const actionNames: Readonly<Record<number, string>> = {
  [ModelAction.LOAD]: 'load',
  [ModelAction.UNLOAD]: 'unload',
  [ModelAction.SHADOW]: 'shadow',
  [ModelAction.CANARY]: 'canary',
  [ModelAction.PROMOTE]: 'promote',
  [ModelAction.ROLLBACK]: 'rollback',
  [ModelAction.REFUSED]: 'refused',
  [ModelAction.FAILED]: 'failed',
}

/** A model in one student. */
export interface ModelLine {
  readonly instance: string
  readonly role: string
  readonly status: ModelStatus
}

/** Part that a model has in what is assigned and in a student: `live`, `canary 10 %`, `shadow`, `before`, or nothing. */
function roleOf(id: string, assignment: ModelAssignment | undefined, student: StudentModels): string {
  const canary = assignment?.canary
  const shadow = assignment?.shadow
  if (student.live?.id === id) return 'live'
  if (canary?.model?.id === id) {
    return canary.lines.length > 0 ? `canary on ${canary.lines.join(', ')}` : `canary ${formatPercent(canary.share, 1)}`
  }
  if (shadow?.model?.id === id) return shadow.share < 1 ? `shadow ${formatPercent(shadow.share, 1)}` : 'shadow'
  if (assignment?.live?.id === id) return 'live as soon as it is ready'
  if (assignment?.before.at(-1)?.id === id) return 'before'
  return ''
}

/** Every model of every student. */
export function modelLines(assignment: ModelAssignment | undefined, students: readonly StudentModels[]): ModelLine[] {
  return students.flatMap((student) =>
    student.models.map((status) => ({
      instance: student.instance,
      role: roleOf(status.model?.id ?? '', assignment, student),
      status,
    })),
  )
}

/** What students had no room for in their reports, one line each. */
export function leftOutLines(students: readonly StudentModels[]): string[] {
  return students
    .filter(({ leftOut }) => leftOut > 0)
    .map(
      ({ instance, leftOut }) =>
        `${instance} has ${formatCount(leftOut)} more in its store than a report has room for; give its models a place of their own.`,
    )
}

export const modelColumns: readonly Column[] = [
  { title: 'Model' },
  { title: 'SHA-256' },
  { title: 'State' },
  { title: 'Role' },
  { title: 'Judged', align: 'right' },
  { title: 'Trust' },
  { title: 'Student', cut: 'head' },
  { title: 'Note', cut: 'tail' },
]

function noteOf({ reason, shadow, loadMs }: ModelStatus): string {
  if (reason !== '') return reason
  if (shadow !== undefined && shadow.compared > 0n) return shadowNote(shadow)
  return loadMs > 0 ? `warm after ${formatCount(Math.round(loadMs))} ms` : ''
}

/** How a shadow differs, in a few words. */
export function shadowNote(shadow: ShadowComparison): string {
  const { compared, skipped, okToNg, ngToOk, meanDifference, meanAbsoluteDifference, largestDifference } = shadow
  const agreed = formatPercent(1 - Number(okToNg + ngToOk) / Number(compared), 3)
  const margins = [meanDifference, meanAbsoluteDifference, largestDifference].map((value) => formatQuantity(value))
  return (
    `agrees on ${agreed} of ${formatCount(compared)} (OK to NG ${formatCount(okToNg)}, NG to OK ${formatCount(ngToOk)}), ` +
    `margin ${margins[0]} on average, ${margins[1]} in size, ${margins[2]} at most` +
    (skipped > 0n ? `; ${formatCount(skipped)} skipped` : '')
  )
}

/** A model as a row of the table. */
export function modelRow({ instance, role, status }: ModelLine): readonly string[] {
  const { model, state, trust, judged } = status
  return [
    model?.id ?? '',
    model?.sha256.slice(0, 12) ?? '',
    nameOf(stateNames, state),
    role || '-',
    judged > 0n ? formatCount(judged) : '-',
    trust || '-',
    instance,
    noteOf(status),
  ]
}

/** A model as plain JSON. */
export function modelJson({ instance, role, status }: ModelLine): object {
  const { model, state, reason, trust, loadMs, judged, shadow } = status
  return {
    model: model?.id ?? '',
    sha256: model?.sha256 ?? '',
    student: instance,
    state: nameOf(stateNames, state),
    role,
    reason,
    trust,
    loadMs,
    judged,
    shadow:
      shadow === undefined
        ? null
        : {
            compared: shadow.compared,
            skipped: shadow.skipped,
            okToNg: shadow.okToNg,
            ngToOk: shadow.ngToOk,
            meanDifference: shadow.meanDifference,
            meanAbsoluteDifference: shadow.meanAbsoluteDifference,
            largestDifference: shadow.largestDifference,
          },
  }
}

/** What is assigned as plain JSON. */
export function assignmentJson(assignment: ModelAssignment | undefined): object {
  const { generation = 0n, live, held = [], shadow, canary, before = [] } = assignment ?? {}
  return {
    generation,
    live: live?.id ?? null,
    held: held.map(({ id }) => id),
    shadow: shadow === undefined ? null : { model: shadow.model?.id ?? '', share: shadow.share },
    canary: canary === undefined ? null : { model: canary.model?.id ?? '', share: canary.share, lines: canary.lines },
    before: before.map(({ id }) => id),
  }
}

/** What is assigned in one sentence. */
export function assignmentLine(assignment: ModelAssignment | undefined): string {
  const { live, held = [], shadow, canary, before = [] } = assignment ?? {}
  const parts = [live === undefined ? 'The configured model judges' : `${live.id} judges`]
  if (canary?.model !== undefined) {
    const what = canary.lines.length > 0 ? `lines ${canary.lines.join(', ')}` : formatPercent(canary.share, 1)
    parts.push(`${canary.model.id} judges ${what} as the canary`)
  }
  if (shadow?.model !== undefined) parts.push(`${shadow.model.id} scores in shadow`)
  if (held.length > 0)
    parts.push(`${held.map(({ id }) => id).join(', ')} ${held.length === 1 ? 'is' : 'are'} kept ready`)
  if (before.length > 0) parts.push(`a rollback goes to ${before.at(-1)!.id}`)
  return `${parts.join('; ')}.`
}

export const changeColumns: readonly Column[] = [
  { title: 'When' },
  { title: 'Who' },
  { title: 'Action' },
  { title: 'From' },
  { title: 'To' },
  { title: 'Detail', cut: 'tail' },
  { title: 'Why', cut: 'tail' },
]

/** A change as a row of the table. */
export function changeRow({ atUnixNs, by, action, from, to, detail, why }: ModelChange): readonly string[] {
  return [
    describeTime(atUnixNs) ?? '-',
    by,
    nameOf(actionNames, action),
    from || '-',
    to || '-',
    detail || '-',
    why || '-',
  ]
}

/** A change as plain JSON. */
export function changeJson({ changeId, generation, atUnixNs, action, by, from, to, detail, why }: ModelChange): object {
  const at = describeTime(atUnixNs)
  return { id: changeId, generation, at, by, action: nameOf(actionNames, action), from, to, detail, why }
}
