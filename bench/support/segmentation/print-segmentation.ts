import process from 'node:process'
import { renderTable } from '../../../services/cli/render-table.ts'
import type { SegmentationReport } from './segmentation-report.ts'
import { tabulateReport } from './tabulate-report.ts'

/** Prints the report on standard output: tables, or one JSON object. */
export function printSegmentation(report: SegmentationReport, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(report)}\n`)
    return
  }
  const lines = [`segmentation: ${describeRun(report)}`]
  for (const { title, note, columns, rows } of tabulateReport(report)) {
    lines.push('', `${title}. ${note}`, ...renderTable(columns, rows))
  }
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** What gave the figures, in one sentence. */
export function describeRun({ machine, rounds, opencv }: SegmentationReport): string {
  const { cores, cpu, node } = machine
  const other =
    opencv === undefined
      ? 'OpenCV not asked for'
      : 'version' in opencv
        ? `OpenCV ${opencv.version} in Python`
        : `no OpenCV: ${opencv.missing}`
  return `${cores} cores, ${cpu}, Node ${node}, ${other}; ${rounds} ${rounds === 1 ? 'round' : 'rounds'}, medians with quartiles.`
}
