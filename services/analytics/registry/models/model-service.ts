import { type ModelAssignment, ModelService } from '../../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'
import { implement } from '../../../shared/rpc/implement.ts'
import type { Kysely, ReadTime, Tables } from '../../../shared/store/index.ts'
import { createChangeSignal } from '../../change-signal.ts'
import { pageSizeOf, readPageToken, writePageToken } from '../../page-token.ts'
import { createModelChanges, type ModelSituation } from './apply-wish.ts'
import type { ModelWish } from './change-models.ts'
import { findModel } from './find-model.ts'
import { readAssignment, readChanges } from './keep-models.ts'
import { createStudentReports } from './keep-reports.ts'

export interface ModelServiceOptions {
  readonly db: Kysely<Tables>
  readonly nowNs: () => bigint
  readonly readTime: ReadTime
  /** How long students may take to follow a change, ms. */
  readonly settleMs: number
  /** Ends the watches when the service drains. */
  readonly closing: AbortSignal
}

// Another analytics on the same database may change the assignment; a watch looks that often.
const pollMs = 1_000

/** Implements pelletline.registry.v1.ModelService over the store. */
export function createModelService({ db, nowNs, readTime, settleMs, closing }: ModelServiceOptions) {
  const assigned = createChangeSignal()
  const reported = createChangeSignal()
  const reports = createStudentReports({ db, nowNs, readTime })
  /** The last assignment that was made here: followers need not ask the database for it. */
  let made: ModelAssignment | undefined
  const onAssigned = (assignment: ModelAssignment) => {
    if (made === undefined || assignment.generation > made.generation) made = assignment
    assigned.notify()
  }
  const changes = createModelChanges({ db, nowNs, onAssigned, reports, reported, settleMs })
  const find = (id: string, { assignment, students }: ModelSituation) => findModel(id, assignment, students)

  return implement(ModelService, {
    async listModels() {
      return { assignment: await readAssignment(db), students: [...(await reports.read())] }
    },

    async loadModel({ model, ...author }, { signal }) {
      return { assignment: await changes.apply((at) => ({ kind: 'load', model: find(model, at) }), author, signal) }
    },

    async unloadModel({ model, ...author }, { signal }) {
      return { assignment: await changes.apply((at) => ({ kind: 'unload', model: find(model, at) }), author, signal) }
    },

    async setShadow({ model, share = 1, ...author }, { signal }) {
      const wishOf = (at: ModelSituation): ModelWish => ({
        kind: 'shadow',
        model: model === '' ? undefined : find(model, at),
        share,
      })
      return { assignment: await changes.apply(wishOf, author, signal) }
    },

    async setCanary({ model, share, lines, ...author }, { signal }) {
      if (model !== '' && (share > 0 ? lines.length > 0 : lines.length === 0)) {
        const description = `is ${share} with ${lines.length} lines; give a share above 0, or lines, not both`
        throw new PelletlineError('invalid_argument', `share ${description}.`, {
          violations: [{ field: 'share', description }],
        })
      }
      const wishOf = (at: ModelSituation): ModelWish => ({
        kind: 'canary',
        model: model === '' ? undefined : find(model, at),
        share,
        lines,
      })
      return { assignment: await changes.apply(wishOf, author, signal) }
    },

    async promote({ model, ...author }, { signal }) {
      return { assignment: await changes.apply((at) => ({ kind: 'promote', model: find(model, at) }), author, signal) }
    },

    async rollback(author, { signal }) {
      return { assignment: await changes.apply(() => ({ kind: 'rollback' }), author, signal) }
    },

    async listModelChanges({ pageSize, pageToken }) {
      const limit = pageSizeOf(pageSize)
      const rows = await readChanges(db, limit + 1, readPageToken(pageToken))
      const page = rows.slice(0, limit)
      const last = page.at(-1)
      return {
        changes: page,
        nextPageToken: rows.length > limit && last !== undefined ? writePageToken(last.changeId) : '',
      }
    },

    async *watchModels(_request, { signal }) {
      const ended = AbortSignal.any([signal, closing])
      let sent: bigint | undefined
      let assignment = await readAssignment(db)
      while (!ended.aborted) {
        const version = assigned.version
        if (made !== undefined && made.generation > assignment.generation) assignment = made
        if (assignment.generation !== sent) {
          sent = assignment.generation
          yield { assignment }
        }
        await assigned.waitForChange(version, { signal: ended, timeoutMs: pollMs })
        if (assigned.version === version) assignment = await readAssignment(db)
      }
      if (closing.aborted && !signal.aborted) {
        throw new PelletlineError('unavailable', 'The watch of the models ends: analytics is stopping. Watch again.')
      }
    },

    async reportModels(request) {
      await reports.keep(request, () => reported.notify())
      await changes.withdrawFailed(request)
      return {}
    },
  })
}
