import { type Insertable, sql, type Tables, type Transaction } from '../../shared/store/index.ts'

/** Sums rows of equal key; `add` folds a row into the sum. */
export function sumBy<T extends object>(rows: readonly T[], keyOf: (row: T) => string, add: readonly (keyof T)[]): T[] {
  const sums = new Map<string, T>()
  for (const row of rows) {
    const key = keyOf(row)
    const sum = sums.get(key)
    if (sum === undefined) {
      sums.set(key, { ...row })
      continue
    }
    for (const name of add) Object.assign(sum, { [name]: (sum[name] as bigint) + (row[name] as bigint) })
  }
  return [...sums.values()]
}

type CounterTable = 'lot_counts' | 'lot_runs' | 'lot_models' | 'lot_audits' | 'lot_measures' | 'lot_histograms'

// PostgreSQL takes 65,535 parameters in a statement.
const maxParameters = 60_000

/** Rows divided into statements that take their parameters; all rows have the same columns. */
export function inStatements<T extends object>(rows: readonly T[]): T[][] {
  const rowsAtOnce = Math.floor(maxParameters / Math.max(1, Object.keys(rows[0] ?? {}).length))
  const statements: T[][] = []
  for (let at = 0; at < rows.length; at += rowsAtOnce) statements.push(rows.slice(at, at + rowsAtOnce))
  return statements
}

/**
 * Adds deltas to rows of counters, making the rows that are not there. Deltas have distinct keys. Of columns named `first_...` the
 * least that is not 0 is kept, of those named `last_...` the greatest.
 */
export async function addCounts<T extends CounterTable>(
  transaction: Transaction<Tables>,
  table: T,
  key: readonly (keyof Tables[T] & string)[],
  deltas: readonly Insertable<Tables[T]>[],
): Promise<void> {
  const first = deltas[0]
  if (first === undefined) return
  const columns = Object.keys(first)
  const sums = columns
    .filter((column) => !key.includes(column as never))
    .map((column) => {
      const [before, added] = [sql.ref(`${table}.${column}`), sql.ref(`excluded.${column}`)]
      if (column.startsWith('last_')) return sql`${sql.ref(column)} = greatest(${before}, ${added})`
      if (!column.startsWith('first_')) return sql`${sql.ref(column)} = ${before} + ${added}`
      return sql`${sql.ref(column)} = coalesce(least(nullif(${before}, 0), nullif(${added}, 0)), 0)`
    })
  for (const some of inStatements(deltas)) {
    const rows = sql.join(
      some.map((delta) => sql`(${sql.join(columns.map((column) => delta[column as keyof typeof delta]))})`),
    )
    await sql`insert into ${sql.table(table)} (${sql.join(columns.map((column) => sql.ref(column)))}) values ${rows}
      on conflict (${sql.join(key.map((column) => sql.ref(column)))}) do update set ${sql.join(sums)}`.execute(
      transaction,
    )
  }
}
