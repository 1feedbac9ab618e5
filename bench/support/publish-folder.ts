import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Column } from '../../services/cli/render-table.ts'
import type { Figure } from '../../services/distillation/report/figures/figure.ts'

/** What a benchmark publishes. */
export interface PublishedResults {
  /** Text of `README.md`. */
  readonly readme: string
  /** Every number, for `report.json`. */
  readonly report: object
  /** Plots by the name of their file in `figures/`, without its ending. */
  readonly figures: readonly { readonly name: string; readonly svg: string }[]
  /** The folder's line in the index of results. */
  readonly what: string
}

/** Writes `README.md`, `report.json` and `figures/` into `folder`, and the folder's line into the README.md beside it. */
export async function publishFolder(
  folder: string,
  { readme, report, figures, what }: PublishedResults,
): Promise<void> {
  await mkdir(join(folder, 'figures'), { recursive: true })
  for (const { name, svg } of figures) await writeFile(join(folder, 'figures', `${name}.svg`), svg)
  await writeFile(join(folder, 'report.json'), `${JSON.stringify(report, undefined, 1)}\n`)
  await writeFile(join(folder, 'README.md'), readme)
  const index = join(dirname(folder), 'README.md')
  const before = await readFile(index, 'utf8').catch(() => undefined)
  if (before !== undefined) await writeFile(index, addResultsRow(before, basename(folder), what))
}

/** A page of results: what gave them in a sentence, then every figure and every table. */
export function formatPage({ title, lead, figures, tables }: ResultsPage): string {
  const lines = [
    `# ${title}`,
    '',
    `${lead} Numbers: [report.json](report.json).`,
    '',
    ...figures.flatMap(({ name, title, caption }) => [`![${title}](figures/${name}.svg)`, '', caption, '']),
    ...tables.flatMap(({ title, note, ...table }) => [`## ${title}`, '', note, '', ...markdownTable(table), '']),
  ]
  return lines.join('\n').replace(/\n+$/, '\n')
}

export interface ResultsPage {
  readonly title: string
  readonly lead: string
  readonly figures: readonly Pick<Figure, 'name' | 'title' | 'caption'>[]
  readonly tables: readonly (MarkdownTable & { readonly title: string; readonly note: string })[]
}

/** Columns and cells of a table. */
export interface MarkdownTable {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly string[])[]
}

/** A table in Markdown; numbers stand right. */
export function markdownTable({ columns, rows }: MarkdownTable): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ align }) => (align === 'right' ? '---:' : '---'))),
    ...rows.map(line),
  ]
}

/** The index of results with a row for `folder` at its end; unchanged where there is one. */
export function addResultsRow(index: string, folder: string, what: string): string {
  if (index.includes(`(${folder}/)`)) return index
  return `${index.trimEnd()}\n| [${folder}](${folder}/) | ${what} |\n`
}
