import { PelletlineError } from '../../../services/shared/errors/pelletline-error.ts'
import { formatPage, publishFolder } from '../publish-folder.ts'
import { drawScaling, drawThroughput } from './draw-figures.ts'
import { describeRun } from './print-segmentation.ts'
import type { SegmentationReport } from './segmentation-report.ts'
import { tabulateReport } from './tabulate-report.ts'

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
  const readme = formatPage({
    title: 'Segmentation: speed and what is found',
    lead: `\`${command}\`: ${describeRun(report)}`,
    figures,
    tables: tabulateReport(report),
  })
  const what = 'segmentation: speed, counts, overload, memory, accuracy'
  await publishFolder(folder, { readme, report, figures, what })
}
