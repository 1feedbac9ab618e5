import type { ModelRef } from '../../../gen/pelletline/inspection/v1/inspection_pb.ts'
import {
  ModelAction,
  type ModelAssignment,
  ModelState,
  type ReportModelsRequest,
  type StudentModels,
} from '../../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'
import type { Kysely, Tables } from '../../../shared/store/index.ts'
import type { ChangeSignal } from '../../change-signal.ts'
import { changeModels, isHeld, isWithdrawable, type ModelWish, modelsOf, release, withdraw } from './change-models.ts'
import { judgingModel, progressOf, refusal, requireStudents } from './find-model.ts'
import { readAssignment, writeAssignment } from './keep-models.ts'
import type { StudentReports } from './keep-reports.ts'
import { notTakenBack, superseded, takenBack } from './tell-taken-back.ts'

export interface ModelChangesOptions {
  readonly db: Kysely<Tables>
  readonly nowNs: () => bigint
  /** Told the assignment that a change has made, before anybody could read it. */
  readonly onAssigned: (assignment: ModelAssignment) => void
  readonly reports: StudentReports
  /** Reports of students to this analytics. */
  readonly reported: ChangeSignal
  /** How long students may take to follow, ms. */
  readonly settleMs: number
}

/** What is known when a change is asked for. */
export interface ModelSituation {
  readonly assignment: ModelAssignment
  readonly students: readonly StudentModels[]
}

/** What a student says of its models. */
export type FailureReport = Pick<ReportModelsRequest, 'instance' | 'generation' | 'models'>

/** Who changes something, and why. */
export interface Author {
  readonly by: string
  readonly why: string
}

/** What the second step of a change was written over, and what it made. */
interface WrittenStep {
  readonly before: ModelAssignment
  readonly next: ModelAssignment
}

/** A change whose second step, the role of a model, failed after the first, its load. */
interface FailedChange {
  readonly wish: ModelWish
  readonly model: ModelRef
  /** Whether the model was loaded for this change. */
  readonly brought: boolean
  /** Undefined where the second step was not written. */
  readonly written: WrittenStep | undefined
  readonly failure: PelletlineError
}

// Another analytics on the same database may hear a report; it is looked for that often.
const pollMs = 500

/** How long a change waits for the first report of students that have just started, ms. */
const firstReportMs = 10_000

const actions = {
  load: ModelAction.LOAD,
  unload: ModelAction.UNLOAD,
  shadow: ModelAction.SHADOW,
  canary: ModelAction.CANARY,
  promote: ModelAction.PROMOTE,
  rollback: ModelAction.ROLLBACK,
} as const satisfies Record<ModelWish['kind'], ModelAction>

/**
 * What is to be in force instead after a failed change; undefined where it has left nothing. Throws where another change stands
 * on it: whoever made that one knows nothing of the failure.
 */
function restore({ model, brought, written }: FailedChange, inForce: ModelAssignment): ModelAssignment | undefined {
  if (written === undefined && !(brought && isHeld(inForce, model))) return undefined
  if (written !== undefined && written.next.generation !== inForce.generation) throw superseded(inForce)
  const before = written?.before ?? inForce
  return { ...(brought ? release(before, model) : before), generation: inForce.generation + 1n }
}

function detailOf(wish: ModelWish): string {
  if (wish.kind === 'shadow' && wish.model !== undefined) return `share ${wish.share}`
  if (wish.kind !== 'canary' || wish.model === undefined) return ''
  return wish.lines.length > 0 ? `lines ${wish.lines.join(', ')}` : `share ${wish.share}`
}

/** Makes changes to the models and waits until students have followed. */
export function createModelChanges(options: ModelChangesOptions) {
  const { db, nowNs, onAssigned, reports, reported, settleMs } = options

  const write: typeof writeAssignment = async (database, decide) => {
    const next = await writeAssignment(database, decide)
    onAssigned(next)
    return next
  }

  /** What holds, once students have reported and it is known which model judges; rejects where that does not come. */
  async function readSettled(signal: AbortSignal): Promise<ModelSituation> {
    const deadline = performance.now() + Math.min(firstReportMs, settleMs)
    for (;;) {
      const seen = reported.version
      const students = await reports.read()
      const assignment = await readAssignment(db)
      try {
        requireStudents(students)
        judgingModel(assignment, students)
        return { assignment, students }
      } catch (reason) {
        const left = deadline - performance.now()
        if (left <= 0 || signal.aborted) throw reason
        await reported.waitForChange(seen, { signal, timeoutMs: Math.min(pollMs, left) })
      }
    }
  }

  /** Takes back what a change with two steps has made after the second failed; resolves with the error for the caller. */
  async function takeBack(failed: FailedChange, author: Author): Promise<PelletlineError> {
    const { wish, model, written, failure } = failed
    let restored = false
    try {
      const inForce = await write(db, (assignment) => {
        const next = restore(failed, assignment)
        if (next === undefined) return undefined
        restored = true
        const note = { action: ModelAction.REFUSED, from: '', to: model.id, detail: failure.message }
        return { next, note: { ...author, atUnixNs: nowNs(), ...note } }
      })
      return restored ? takenBack(failure, wish.kind, inForce) : failure
    } catch (reason) {
      const inForce = await readAssignment(db).catch(() => undefined)
      const judged = written?.before.live
      return notTakenBack(failure, wish.kind, { cause: PelletlineError.from(reason), model, judged, inForce })
    }
  }

  /** Waits until every student has taken up the generation; the error says who refused or did not follow. */
  async function follow(
    generation: bigint,
    model: ModelRef | undefined,
    judges: boolean,
    signal: AbortSignal,
  ): Promise<PelletlineError | undefined> {
    const deadline = performance.now() + settleMs
    let students = reports.latest()
    for (;;) {
      const seen = reported.version
      const progress = progressOf(generation, model, students, judges)
      if (progress.kind === 'done') return undefined
      if (progress.kind === 'refused') return refusal(model!.id, progress.instance, progress.status)
      const left = deadline - performance.now()
      if (left <= 0 || signal.aborted) {
        return signal.aborted ? PelletlineError.from(signal.reason) : notFollowed(progress.on, model)
      }
      await reported.waitForChange(seen, { signal, timeoutMs: Math.min(pollMs, left) })
      // Without a report to this analytics, one to another may stand in the database.
      students = reported.version === seen ? await reports.read() : reports.latest()
    }
  }

  function notFollowed(on: readonly string[], model: ModelRef | undefined): PelletlineError {
    const text =
      on.length > 0
        ? `${on.join(', ')} did not follow within ${settleMs} ms; see the log of that student.`
        : `No student reports any more, so it is not known whether the change${model === undefined ? '' : ` to ${model.id}`} was taken up: ` +
          'the model may end the process that loads it. Look at the log of the students, start one, and list the models.'
    return new PelletlineError('deadline_exceeded', text)
  }

  /** Loads a model in every student; where one refuses it, it is withdrawn and the promise rejects. */
  async function load(
    model: ModelRef,
    { assignment: before, students }: ModelSituation,
    author: Author,
    signal: AbortSignal,
  ): Promise<ModelAssignment> {
    const wish: ModelWish = { kind: 'load', model }
    if (progressOf(0n, model, students, false).kind === 'done') return before
    const judging = judgingModel(before, students)
    const wasHeld = changeModels(before, judging, wish).next.held.length === before.held.length
    const next = await write(db, (assignment) => {
      const step = changeModels(assignment, judgingModel(assignment, students), wish)
      return { next: step.next, note: note(wish, step, author) }
    })
    const failure = await follow(next.generation, model, false, signal)
    if (failure === undefined) return next
    await write(db, (assignment) => ({
      next: wasHeld ? { ...assignment, generation: assignment.generation + 1n } : withdraw(assignment, model),
      note: {
        ...author,
        atUnixNs: nowNs(),
        action: ModelAction.REFUSED,
        from: '',
        to: model.id,
        detail: failure.message,
      },
    }))
    throw failure
  }

  function note(wish: ModelWish, step: { readonly from: string; readonly to: string }, author: Author) {
    return {
      ...author,
      atUnixNs: nowNs(),
      action: actions[wish.kind],
      from: step.from,
      to: step.to,
      detail: detailOf(wish),
    }
  }

  /** Writes what a wish makes of what is in force, once nothing needs to be loaded for it any more. */
  async function writeStep(wish: ModelWish, students: readonly StudentModels[], author: Author): Promise<WrittenStep> {
    let before: ModelAssignment | undefined
    const next = await write(db, (assignment) => {
      before = assignment
      const step = changeModels(assignment, judgingModel(assignment, students), wish)
      return { next: step.next, note: note(wish, step, author) }
    })
    return { before: before!, next }
  }

  /** Resolves once every student has followed a wish; rejects where one does not. */
  async function followStep({ kind }: ModelWish, { next }: WrittenStep, signal: AbortSignal): Promise<void> {
    const judges = kind === 'promote' || kind === 'rollback'
    const failure = await follow(next.generation, judges ? next.live : undefined, judges, signal)
    if (failure !== undefined) throw failure
  }

  return {
    /**
     * Lets go, for all students, of what one of them reports as failed, and notes it in the log. A report of before the last change
     * may speak of a load that has ended since; the student reports again once it has followed.
     */
    async withdrawFailed({ instance, generation, models }: FailureReport): Promise<void> {
      for (const { state, model, reason } of models) {
        if (state !== ModelState.FAILED || model === undefined) continue
        await write(db, (assignment) => {
          if (generation < assignment.generation || !isWithdrawable(assignment, model)) return undefined
          const note = { atUnixNs: nowNs(), by: instance, action: ModelAction.FAILED, from: model.id, to: '' }
          return { next: withdraw(assignment, model), note: { ...note, detail: reason, why: '' } }
        })
      }
    },

    /**
     * Fulfils a wish, which `wishOf` makes of what holds: loads the model first where it needs one, and answers once every student
     * has followed. Rejects as `wishOf` throws, with `failed_precondition` where the wish does not fit or a student refuses the
     * model, and with `deadline_exceeded` where one does not follow. What gives a model a role has two steps, the load and the role;
     * where the second fails both are taken back, and the message says what is in force, or why that failed too and what mends it.
     */
    async apply(
      wishOf: (situation: ModelSituation) => ModelWish,
      author: Author,
      signal: AbortSignal,
    ): Promise<ModelAssignment> {
      const situation = await readSettled(signal)
      const { assignment: before, students } = situation
      const wish = wishOf(situation)
      // What does not fit is refused before anything is loaded for it.
      changeModels(before, judgingModel(before, students), wish)
      const needed = wish.kind === 'rollback' ? before.before.at(-1) : wish.model
      if (needed === undefined || wish.kind === 'unload') {
        const written = await writeStep(wish, students, author)
        await followStep(wish, written, signal)
        return written.next
      }
      const loaded = await load(needed, situation, author, signal)
      if (wish.kind === 'load') return loaded
      // What was in memory before the wish stays there whatever becomes of the wish.
      const brought = !modelsOf(before).some(({ id, sha256 }) => id === needed.id && sha256 === needed.sha256)
      let written: WrittenStep | undefined
      try {
        written = await writeStep(wish, students, author)
        await followStep(wish, written, signal)
        return written.next
      } catch (reason) {
        throw await takeBack({ wish, model: needed, brought, written, failure: PelletlineError.from(reason) }, author)
      }
    },
  }
}
