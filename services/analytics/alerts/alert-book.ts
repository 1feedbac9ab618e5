import { create } from '@bufbuild/protobuf'
import { type Kysely, type Selectable, sql } from 'kysely'
import { type Alert, type AlertKind, AlertSchema, AlertState } from '../../gen/pelletline/events/v1/events_pb.ts'
import { EstimateSchema } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { Bus } from '../../shared/bus/bus.ts'
import { publishMessage } from '../../shared/bus/messages.ts'
import { headerNames, topics } from '../../shared/bus/topics.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { IntervalEstimate } from '../../shared/statistics/estimate-weighted-share.ts'
import type { Tables } from '../../shared/store/index.ts'
import type { ChangeSignal } from '../change-signal.ts'

export type AlertRow = Selectable<Tables['alerts']>

/** What is known of an alert when it is raised. */
export interface AlertCause {
  readonly kind: AlertKind
  readonly line: string
  readonly lot: string
  readonly value: IntervalEstimate
  readonly limit: number
  readonly windowAudited: number
  readonly message: string
}

export interface AlertBookOptions {
  readonly plant: string
  readonly db: Kysely<Tables>
  readonly bus: Bus
  readonly nowNs: () => bigint
  /** Told of every change. */
  readonly changes: ChangeSignal
}

/** Name of an alert, e.g. `alert-000042`. */
export function formatAlertId(id: bigint): string {
  return `alert-${String(id).padStart(6, '0')}`
}

function parseAlertId(name: string): bigint {
  const digits = /^alert-(\d{6,18})$/.exec(name)?.[1]
  if (digits !== undefined) return BigInt(digits)
  throw notFound(name)
}

function notFound(name: string): PelletlineError {
  return new PelletlineError('not_found', `Alert ${name} is not known. List the alerts for those that are.`)
}

/** The alert as messages carry it. */
export function toAlert(row: AlertRow): Alert {
  return create(AlertSchema, {
    id: formatAlertId(row.alert_id),
    kind: row.kind as AlertKind,
    state: row.state as AlertState,
    plant: row.plant,
    line: row.line,
    lot: row.lot,
    value: create(EstimateSchema, {
      value: row.value,
      lower: row.value_lower,
      upper: row.value_upper,
      confidence: row.confidence,
    }),
    limit: row.threshold,
    windowAudited: row.window_audited,
    message: row.message,
    raisedUnixNs: row.raised_unix_ns,
    acknowledgedUnixNs: row.acknowledged_unix_ns,
    resolvedUnixNs: row.resolved_unix_ns,
    acknowledgedBy: row.acknowledged_by,
  })
}

/** Keeps alerts: at most one unresolved per line and kind, in the database before anybody hears of it. */
export function createAlertBook({ plant, db, bus, nowNs, changes }: AlertBookOptions) {
  return {
    /** Raises an alert; undefined where one of the line and kind is unresolved. */
    async raise(cause: AlertCause): Promise<AlertRow | undefined> {
      const { value } = cause
      const row = await db
        .insertInto('alerts')
        .values({
          kind: cause.kind,
          state: AlertState.ACTIVE,
          plant,
          line: cause.line,
          lot: cause.lot,
          value: value.value,
          value_lower: value.lower,
          value_upper: value.upper,
          confidence: value.confidence,
          threshold: cause.limit,
          window_audited: cause.windowAudited,
          message: cause.message,
          raised_unix_ns: nowNs(),
          acknowledged_unix_ns: 0n,
          resolved_unix_ns: 0n,
          acknowledged_by: '',
          changes: 1,
          published: 0,
        })
        .onConflict((conflict) =>
          conflict.columns(['line', 'kind']).where('state', '<>', sql.lit(AlertState.RESOLVED)).doNothing(),
        )
        .returningAll()
        .executeTakeFirst()
      if (row !== undefined) changes.notify()
      return row
    },

    /** Resolves an alert; a repeat changes nothing. */
    async resolve(alertId: bigint): Promise<void> {
      const rows = await db
        .updateTable('alerts')
        .set((eb) => ({ state: AlertState.RESOLVED, resolved_unix_ns: nowNs(), changes: eb('changes', '+', 1) }))
        .where('alert_id', '=', alertId)
        .where('state', '<>', AlertState.RESOLVED)
        .returning('alert_id')
        .execute()
      if (rows.length > 0) changes.notify()
    },

    /** Notes who has seen an alert; one that is not active is answered as it is. Throws `not_found`. */
    async acknowledge(name: string, by: string): Promise<AlertRow> {
      const alertId = parseAlertId(name)
      const updated = await db
        .updateTable('alerts')
        .set((eb) => ({
          state: AlertState.ACKNOWLEDGED,
          acknowledged_unix_ns: nowNs(),
          acknowledged_by: by,
          changes: eb('changes', '+', 1),
        }))
        .where('alert_id', '=', alertId)
        .where('state', '=', AlertState.ACTIVE)
        .returningAll()
        .executeTakeFirst()
      if (updated !== undefined) {
        changes.notify()
        return updated
      }
      const row = await db.selectFrom('alerts').selectAll().where('alert_id', '=', alertId).executeTakeFirst()
      if (row === undefined) throw notFound(name)
      return row
    },

    /** Alerts that are not resolved, of one line where it is given, oldest first. */
    async listUnresolved(line?: string): Promise<AlertRow[]> {
      return db
        .selectFrom('alerts')
        .selectAll()
        .where('state', '<>', sql.lit(AlertState.RESOLVED))
        .$if(line !== undefined, (query) => query.where('line', '=', line ?? ''))
        .orderBy('alert_id')
        .execute()
    },

    /** Publishes the alerts of which the bus has not yet had the present state; a repeat after a crash is harmless. */
    async publishPending(signal: AbortSignal): Promise<void> {
      const rows = await db
        .selectFrom('alerts')
        .selectAll()
        .whereRef('published', '<', 'changes')
        .orderBy('alert_id')
        .limit(1_000)
        .execute()
      for (const row of rows) {
        const alert = toAlert(row)
        const headers = { [headerNames.plant]: plant, [headerNames.line]: row.line, [headerNames.lot]: row.lot }
        await publishMessage(
          bus,
          topics.alerts,
          { key: `${row.line}/alerts/${alert.id}`, message: { alert }, headers },
          signal,
        )
        await db.updateTable('alerts').set({ published: row.changes }).where('alert_id', '=', row.alert_id).execute()
      }
    },
  }
}

export type AlertBook = ReturnType<typeof createAlertBook>
