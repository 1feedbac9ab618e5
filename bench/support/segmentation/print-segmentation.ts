import { printTables } from '../print-tables.ts'
import type { SegmentationReport } from './segmentation-report.ts'
import { tabulateReport } from './tabulate-report.ts'

/** Prints the report on standard output: tables, or one JSON object. */
export function printSegmentation(report: SegmentationReport, json: boolean): void {
  printTables({ report, lead: `segmentation: ${describeRun(report)}`, tables: tabulateReport(report) }, json)
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
