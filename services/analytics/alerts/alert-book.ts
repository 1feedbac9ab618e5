import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Alert, type AlertKind, AlertSchema, AlertState } from '../../gen/pelletline/events/v1/events_pb.ts'
import { EstimateSchema } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { Bus } from '../../shared/bus/bus.ts'
import { publishMessage } from '../../shared/bus/messages.ts'
import { headerNames, topics } from '../../shared/bus/topics.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { IntervalEstimate } from '../../shared/statistics/estimate-weighted-share.ts'
import { type Kysely, type Selectable, sql, type Tables, type Transaction } from '../../shared/store/index.ts'
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

// Any fixed number: changes appear in the order in which they are numbered.
const alertLock = 7_021_952

/**
 * Keeps alerts: at most one unresolved per line and kind, in the database before anybody hears of it, and every change
 * with it, so that each is published whatever happens in between.
 */
export function createAlertBook({ plant, db, bus, nowNs, changes }: AlertBookOptions) {
  /** Runs a statement that changes at most one alert and notes the change; undefined where it changed none. */
  const change = async (
    statement: (transaction: Transaction<Tables>) => Promise<AlertRow | undefined>,
  ): Promise<AlertRow | undefined> => {
    const changed = await db.transaction().execute(async (transaction) => {
      await sql`select pg_advisory_xact_lock(${sql.lit(alertLock)})`.execute(transaction)
      const row = await statement(transaction)
      if (row === undefined) return undefined
      const body = toBinary(AlertSchema, toAlert(row))
      await transaction.insertInto('alert_changes').values({ alert_id: row.alert_id, body, published: false }).execute()
      return row
    })
    if (changed !== undefined) changes.notify()
    return changed
  }

  return {
    /** Raises an alert; where one of the line and kind is unresolved, it is answered as it is, and nothing changes. */
    async raise(cause: AlertCause): Promise<{ readonly row: AlertRow; readonly isNew: boolean }> {
      const { value } = cause
      const raised = await change((transaction) =>
        transaction
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
          })
          .onConflict((conflict) =>
            conflict.columns(['line', 'kind']).where('state', '<>', sql.lit(AlertState.RESOLVED)).doNothing(),
          )
          .returningAll()
          .executeTakeFirst(),
      )
      if (raised !== undefined) return { row: raised, isNew: true }
      const row = (await selectUnresolved(db, cause.line).execute()).find(({ kind }) => kind === cause.kind)
      if (row !== undefined) return { row, isNew: false }
      throw new PelletlineError(
        'unavailable',
        `An alert of line ${cause.line} was resolved while it was raised anew. It is raised at the next try.`,
      )
    },

    /** Resolves an alert; a repeat changes nothing. */
    async resolve(alertId: bigint): Promise<void> {
      await change((transaction) =>
        transaction
          .updateTable('alerts')
          .set({ state: AlertState.RESOLVED, resolved_unix_ns: nowNs() })
          .where('alert_id', '=', alertId)
          .where('state', '<>', AlertState.RESOLVED)
          .returningAll()
          .executeTakeFirst(),
      )
    },

    /**
     * Notes who has seen an alert: an active one is acknowledged, a resolved one stays resolved. One that somebody has seen is
     * answered as it is. Throws `not_found`.
     */
    async acknowledge(name: string, by: string): Promise<AlertRow> {
      const alertId = parseAlertId(name)
      const seen = { acknowledged_unix_ns: nowNs(), acknowledged_by: by }
      const { ACTIVE, ACKNOWLEDGED } = AlertState
      const updated = await change((transaction) =>
        transaction
          .updateTable('alerts')
          .set((eb) => ({
            ...seen,
            state: eb.case().when('state', '=', ACTIVE).then(sql.lit(ACKNOWLEDGED)).else(eb.ref('state')).end(),
          }))
          .where('alert_id', '=', alertId)
          .where('acknowledged_unix_ns', '=', 0n)
          .returningAll()
          .executeTakeFirst(),
      )
      if (updated !== undefined) return updated
      const row = await db.selectFrom('alerts').selectAll().where('alert_id', '=', alertId).executeTakeFirst()
      if (row === undefined) throw notFound(name)
      return row
    },

    /** Alerts that are not resolved, of one line where it is given, oldest first. */
    async listUnresolved(line?: string): Promise<AlertRow[]> {
      return selectUnresolved(db, line).execute()
    },

    /** Alerts that are not resolved, and the last change they contain. */
    async snapshot(line: string | undefined): Promise<{ readonly alerts: AlertRow[]; readonly lastChange: bigint }> {
      return db
        .transaction()
        .setIsolationLevel('repeatable read')
        .execute(async (transaction) => {
          const last = await transaction
            .selectFrom('alert_changes')
            .select((eb) => eb.fn.max('change_id').as('last'))
            .executeTakeFirst()
          return { alerts: await selectUnresolved(transaction, line).execute(), lastChange: last?.last ?? 0n }
        })
    },

    /** At most 100 changes after one, of one line where it is given, oldest first. */
    async readChanges(
      after: bigint,
      line: string | undefined,
    ): Promise<{ readonly changeId: bigint; readonly alert: Alert }[]> {
      const rows = await db
        .selectFrom('alert_changes')
        .innerJoin('alerts', 'alerts.alert_id', 'alert_changes.alert_id')
        .select(['change_id', 'body'])
        .where('change_id', '>', after)
        .$if(line !== undefined, (query) => query.where('line', '=', line ?? ''))
        .orderBy('change_id')
        .limit(100)
        .execute()
      return rows.map(({ change_id, body }) => ({ changeId: change_id, alert: fromBinary(AlertSchema, body) }))
    },

    /**
     * Publishes the changes that the bus has not had, in their order, for as long as `stillLeads` says that it is this
     * process's to do; after a crash one may come twice. The bus may hold up a change for so long that another process takes
     * over and overtakes it: then the newest change of its alert is published once more, so that the last word is right.
     */
    async publishPending(signal: AbortSignal, stillLeads: () => Promise<boolean>): Promise<void> {
      while (!signal.aborted && (await stillLeads())) {
        const next = await db
          .selectFrom('alert_changes')
          .selectAll()
          .where('published', '=', sql.lit(false))
          .orderBy('change_id')
          .limit(1)
          .executeTakeFirst()
        if (next === undefined) return
        const alert = fromBinary(AlertSchema, next.body)
        const headers = { [headerNames.plant]: plant, [headerNames.line]: alert.line, [headerNames.lot]: alert.lot }
        const key = `${alert.line}/alerts/${alert.id}`
        await publishMessage(bus, topics.alerts, { key, message: { alert }, headers }, signal)
        if (!(await markPublished(db, next.change_id))) await publishNewestAgain(db, next.alert_id)
      }
    },
  }
}

/** Notes that the bus has had a change; false where another process noted it before. */
async function markPublished(db: Kysely<Tables>, changeId: bigint): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('alert_changes')
    .set({ published: true })
    .where('change_id', '=', changeId)
    .where('published', '=', sql.lit(false))
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Has whoever leads publish the newest change of an alert once more. */
async function publishNewestAgain(db: Kysely<Tables>, alertId: bigint): Promise<void> {
  await db
    .updateTable('alert_changes')
    .set({ published: false })
    .where('change_id', '=', (eb) =>
      eb
        .selectFrom('alert_changes as newest')
        .select((of) => of.fn.max('newest.change_id').as('change_id'))
        .where('newest.alert_id', '=', alertId),
    )
    .execute()
}

function selectUnresolved(db: Kysely<Tables>, line: string | undefined) {
  return db
    .selectFrom('alerts')
    .selectAll()
    .where('state', '<>', sql.lit(AlertState.RESOLVED))
    .$if(line !== undefined, (query) => query.where('line', '=', line ?? ''))
    .orderBy('alert_id')
}

export type AlertBook = ReturnType<typeof createAlertBook>
