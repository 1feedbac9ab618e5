import process from 'node:process'
import { type Column, renderTable } from '../../services/cli/render-table.ts'

/** A table of a report under a title of its own. */
export interface TitledTable {
  readonly title: string
  /** What the table shows, in a sentence. */
  readonly note: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly string[])[]
}

/** A report as it is printed. */
export interface TabledReport {
  /** Every number, for `--json`. */
  readonly report: object
  /** The bench and what gave its figures, in one line. */
  readonly lead: string
  readonly tables: readonly TitledTable[]
}

/** The report as text: one JSON object on a line, or the lead and its tables. Ends with a line feed. */
export function formatTables({ report, lead, tables }: TabledReport, json: boolean): string {
  if (json) return `${JSON.stringify(report)}\n`
  const lines = tables.flatMap(({ title, note, columns, rows }) => [
    '',
    `${title}. ${note}`,
    ...renderTable(columns, rows),
  ])
  return `${[lead, ...lines].join('\n')}\n`
}

/** Prints the report on standard output. */
export function printTables(report: TabledReport, json: boolean): void {
  process.stdout.write(formatTables(report, json))
}
