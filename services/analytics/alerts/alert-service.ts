import { AlertState } from '../../gen/pelletline/events/v1/events_pb.ts'
import { AlertService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { implement } from '../../shared/rpc/implement.ts'
import { type Kysely, sql, type Tables } from '../../shared/store/index.ts'
import type { ChangeSignal } from '../change-signal.ts'
import { pageSizeOf, readPageToken, writePageToken } from '../page-token.ts'
import { type AlertBook, toAlert } from './alert-book.ts'

export interface AlertServiceOptions {
  readonly db: Kysely<Tables>
  readonly book: AlertBook
  readonly changes: ChangeSignal
  /** Ends the watches when the service drains. */
  readonly closing: AbortSignal
}

// Another analytics may write to the same database; a watch looks that often.
const pollMs = 1_000

/** Implements pelletline.mes.v1.AlertService over the store. */
export function createAlertService({ db, book, changes, closing }: AlertServiceOptions) {
  return implement(AlertService, {
    async listAlerts({ line, unresolvedOnly, pageSize, pageToken }) {
      const limit = pageSizeOf(pageSize)
      const before = readPageToken(pageToken)
      const rows = await db
        .selectFrom('alerts')
        .selectAll()
        .$if(line !== '', (query) => query.where('line', '=', line))
        .$if(unresolvedOnly, (query) => query.where('state', '<>', sql.lit(AlertState.RESOLVED)))
        .$if(before !== undefined, (query) => query.where('alert_id', '<', before ?? 0n))
        .orderBy('alert_id', 'desc')
        .limit(limit + 1)
        .execute()
      const page = rows.slice(0, limit)
      const last = page.at(-1)
      return {
        alerts: page.map(toAlert),
        nextPageToken: rows.length > limit && last !== undefined ? writePageToken(last.alert_id) : '',
      }
    },

    async *watchAlerts({ line }, { signal }) {
      const ended = AbortSignal.any([signal, closing])
      const only = line === '' ? undefined : line
      const { alerts, lastChange } = await book.snapshot(only)
      for (const row of alerts) yield { alert: toAlert(row) }
      let after = lastChange
      while (!ended.aborted) {
        const version = changes.version
        const page = await book.readChanges(after, only)
        for (const { changeId, alert } of page) {
          yield { alert }
          after = changeId
        }
        if (page.length === 0) await changes.waitForChange(version, { signal: ended, timeoutMs: pollMs })
      }
      if (closing.aborted && !signal.aborted) {
        throw new PelletlineError('unavailable', 'The watch of alerts ends: analytics is stopping. Watch again.')
      }
    },

    async acknowledgeAlert({ alertId, acknowledgedBy }) {
      return { alert: toAlert(await book.acknowledge(alertId, acknowledgedBy)) }
    },
  })
}
