import type { ModelRef } from '../../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { ModelService } from '../../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'
import { implement } from '../../../shared/rpc/implement.ts'
import type { Kysely, Tables } from '../../../shared/store/index.ts'
import { createChangeSignal } from '../../change-signal.ts'
import { pageSizeOf, readPageToken, writePageToken } from '../../page-token.ts'
import { createModelChanges } from './apply-wish.ts'
import { findModel } from './find-model.ts'
import { readAssignment, readChanges } from './keep-models.ts'
import { keepReport, readStudents } from './keep-reports.ts'

export interface ModelServiceOptions {
  readonly db: Kysely<Tables>
  readonly nowNs: () => bigint
  /** How long students may take to follow a change, ms. */
  readonly settleMs: number
  /** Ends the watches when the service drains. */
  readonly closing: AbortSignal
}

// Another analytics on the same database may change the assignment; a watch looks that often.
const pollMs = 1_000

/** Implements pelletline.registry.v1.ModelService over the store. */
export function createModelService({ db, nowNs, settleMs, closing }: ModelServiceOptions) {
  const assigned = createChangeSignal()
  const reported = createChangeSignal()
  const changes = createModelChanges({ db, nowNs, assigned, reported, settleMs })

  async function find(id: string, signal: AbortSignal): Promise<ModelRef> {
    const students = await changes.readSettled(signal)
    return findModel(id, await readAssignment(db), students)
  }

  return implement(ModelService, {
    async listModels() {
      return { assignment: await readAssignment(db), students: await readStudents(db, nowNs()) }
    },

    async loadModel({ model, by, why }, { signal }) {
      return {
        assignment: await changes.apply({ kind: 'load', model: await find(model, signal) }, { by, why }, signal),
      }
    },

    async unloadModel({ model, by, why }, { signal }) {
      return {
        assignment: await changes.apply({ kind: 'unload', model: await find(model, signal) }, { by, why }, signal),
      }
    },

    async setShadow({ model, share, by, why }, { signal }) {
      const found = model === '' ? undefined : await find(model, signal)
      const wish = { kind: 'shadow', model: found, share: share ?? 1 } as const
      return { assignment: await changes.apply(wish, { by, why }, signal) }
    },

    async setCanary({ model, share, lines, by, why }, { signal }) {
      const found = model === '' ? undefined : await find(model, signal)
      if (found !== undefined && (share > 0 ? lines.length > 0 : lines.length === 0)) {
        const description = `is ${share} with ${lines.length} lines; give a share above 0, or lines, not both`
        throw new PelletlineError('invalid_argument', `share ${description}.`, {
          violations: [{ field: 'share', description }],
        })
      }
      return { assignment: await changes.apply({ kind: 'canary', model: found, share, lines }, { by, why }, signal) }
    },

    async promote({ model, by, why }, { signal }) {
      return {
        assignment: await changes.apply({ kind: 'promote', model: await find(model, signal) }, { by, why }, signal),
      }
    },

    async rollback({ by, why }, { signal }) {
      return { assignment: await changes.apply({ kind: 'rollback' }, { by, why }, signal) }
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
      while (!ended.aborted) {
        const version = assigned.version
        const assignment = await readAssignment(db)
        if (assignment.generation !== sent) {
          sent = assignment.generation
          yield { assignment }
        }
        await assigned.waitForChange(version, { signal: ended, timeoutMs: pollMs })
      }
      if (closing.aborted && !signal.aborted) {
        throw new PelletlineError('unavailable', 'The watch of the models ends: analytics is stopping. Watch again.')
      }
    },

    async reportModels(request) {
      await keepReport(db, request, nowNs())
      reported.notify()
      return {}
    },
  })
}
