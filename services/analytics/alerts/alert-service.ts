import { type Kysely, sql } from 'kysely'
import { AlertState } from '../../gen/pelletline/events/v1/events_pb.ts'
import { AlertService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { implement } from '../../shared/rpc/implement.ts'
import type { Tables } from '../../shared/store/index.ts'
import type { ChangeSignal } from '../change-signal.ts'
import { pageSizeOf, readPageToken, writePageToken } from '../page-token.ts'
import { type AlertBook, type AlertRow, toAlert } from './alert-book.ts'

export interface AlertServiceOptions {
  readonly db: Kysely<Tables>
  readonly book: AlertBook
  readonly changes: ChangeSignal
  /** Ends the watches when the service drains. */
  readonly closing: AbortSignal
}

// Another analytics may write to the same database; a watch looks that often.
const pollMs = 1_000

/**
 * Implements pelletline.mes.v1.AlertService over the store. A watch sends what an alert is when the reader takes it: a
 * slow reader may get two changes of one alert as one.
 */
export function createAlertService({ db, book, changes, closing }: AlertServiceOptions) {
  const readChanged = async (line: string, sent: ReadonlyMap<bigint, number>, newest: bigint): Promise<AlertRow[]> => {
    const rows = await db
      .selectFrom('alerts')
      .selectAll()
      .$if(line !== '', (query) => query.where('line', '=', line))
      .where((eb) =>
        eb.or([
          eb('state', '<>', sql.lit(AlertState.RESOLVED)),
          eb('alert_id', '>', newest),
          ...(sent.size > 0 ? [eb('alert_id', 'in', [...sent.keys()])] : []),
        ]),
      )
      .orderBy('alert_id')
      .execute()
    return rows.filter((row) => row.changes > (sent.get(row.alert_id) ?? 0))
  }

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
      /** Unresolved alerts that the reader knows, with the change it has seen. */
      const sent = new Map<bigint, number>()
      const last = await db
        .selectFrom('alerts')
        .select((eb) => eb.fn.max('alert_id').as('newest'))
        .executeTakeFirst()
      let newest = last?.newest ?? 0n
      while (!ended.aborted) {
        const version = changes.version
        for (const row of await readChanged(line, sent, newest)) {
          if (row.state === AlertState.RESOLVED) sent.delete(row.alert_id)
          else sent.set(row.alert_id, row.changes)
          if (row.alert_id > newest) newest = row.alert_id
          yield { alert: toAlert(row) }
        }
        await changes.waitForChange(version, { signal: ended, timeoutMs: pollMs })
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
