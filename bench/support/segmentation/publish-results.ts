import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Figure } from '../../../services/distillation/report/figures/figure.ts'
import { PelletlineError } from '../../../services/shared/errors/pelletline-error.ts'
import { drawScaling, drawThroughput } from './draw-figures.ts'
import { describeRun } from './print-segmentation.ts'
import type { SegmentationReport } from './segmentation-report.ts'
import { type ReportTable, tabulateReport } from './tabulate-report.ts'

/**
 * Writes `README.md`, `report.json` and `figures/` into `folder`, and the folder's line into the README.md beside it. Throws
 * `failed_precondition` for a report that lacks a section or OpenCV: what is published is whole.
 */
export async function publishResults(report: SegmentationReport, folder: string, command: string): Promise<void> {
  const missing = Object.entries(report).filter(([, value]) => value === undefined)
  if (missing.length > 0 || report.opencv === undefined || 'missing' in report.opencv) {
    const what = [...missing.map(([name]) => name), 'OpenCV'][0]
    throw new PelletlineError('failed_precondition', `Nothing was published: the run has no ${what}. Run all sections.`)
  }
  const figures = [await drawThroughput(report.throughput ?? []), await drawScaling(report)]
  await mkdir(join(folder, 'figures'), { recursive: true })
  for (const { name, svg } of figures) await writeFile(join(folder, 'figures', `${name}.svg`), svg)
  await writeFile(join(folder, 'report.json'), `${JSON.stringify(report, undefined, 1)}\n`)
  await writeFile(join(folder, 'README.md'), formatMarkdown(report, figures, command))
  const index = join(dirname(folder), 'README.md')
  const before = await readFile(index, 'utf8').catch(() => undefined)
  if (before === undefined) return
  await writeFile(
    index,
    addResultsRow(before, basename(folder), 'segmentation: speed, counts, overload, memory, accuracy'),
  )
}

/** The page of the results: the command, the machine, then every table and figure. */
export function formatMarkdown(report: SegmentationReport, figures: readonly Figure[], command: string): string {
  return [
    '# Segmentation: speed and what is found',
    '',
    `\`${command}\`: ${describeRun(report)} Numbers: [report.json](report.json).`,
    '',
    ...figures.flatMap(({ name, title, caption }) => [`![${title}](figures/${name}.svg)`, '', caption, '']),
    ...tabulateReport(report).flatMap(({ title, note, ...table }) => [
      `## ${title}`,
      '',
      note,
      '',
      ...markdownTable(table),
      '',
    ]),
  ]
    .join('\n')
    .replace(/\n+$/, '\n')
}

/** A table in Markdown; numbers stand right. */
export function markdownTable({ columns, rows }: Pick<ReportTable, 'columns' | 'rows'>): string[] {
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
