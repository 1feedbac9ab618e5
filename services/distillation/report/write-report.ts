import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../../shared/files/make-folder.ts'
import { writeFileAtomically } from '../../shared/files/write-file-atomically.ts'
import type { ExperimentReport } from './experiment-report.ts'
import { renderPage } from './render-page.ts'
import { isFigure, type Section } from './section.ts'
import { compareModels } from './sections/compare-models.ts'
import { compareTableThree } from './sections/compare-table-three.ts'
import { describeExperiment, listDetails } from './sections/describe-experiment.ts'
import { showCalibration } from './sections/show-calibration.ts'
import { showEscapes } from './sections/show-escapes.ts'
import { showHeatmaps } from './sections/show-heatmaps.ts'
import { showLabelStudy } from './sections/show-label-study.ts'
import { showMistakes } from './sections/show-mistakes.ts'
import { showSweep } from './sections/show-sweep.ts'
import { showTraining } from './sections/show-training.ts'
import { stateVerdict } from './sections/state-verdict.ts'

/** Paths of what was written. */
export interface WrittenReport {
  readonly html: string
  readonly json: string
  readonly figures: readonly string[]
}

/**
 * Writes an experiment's report into `outDir/report`: `index.html`, which needs no other file, no network and no script;
 * `report.json`; and every figure as SVG in `figures/`, where SVG files of an earlier report are removed. Each file is
 * replaced whole, the page last. `invalid_argument` where pictures in the report are not 50x50 bytes.
 */
export async function writeReport(report: ExperimentReport, outDir: string): Promise<WrittenReport> {
  const sections = await buildSections(report)
  const figures = sections.flatMap(({ blocks }) => blocks.filter(isFigure))
  const folder = join(outDir, 'report')
  const figureFolder = join(folder, 'figures')
  await makeFolder(figureFolder)
  const current = new Set(figures.map(({ name }) => `${name}.svg`))
  for (const name of await readdir(figureFolder)) {
    if (name.endsWith('.svg') && !current.has(name)) await rm(join(figureFolder, name))
  }
  const figurePaths: string[] = []
  for (const { name, svg } of figures) {
    const path = join(figureFolder, `${name}.svg`)
    await writeFileAtomically(path, [svg])
    figurePaths.push(path)
  }
  const json = join(folder, 'report.json')
  await writeFileAtomically(json, [`${JSON.stringify(report, null, 1)}\n`])
  const page = join(folder, 'index.html')
  await writeFileAtomically(page, [renderPage(report, stateVerdict(report), sections)])
  return { html: page, json, figures: figurePaths }
}

async function buildSections(report: ExperimentReport): Promise<Section[]> {
  const sections = [
    describeExperiment(report),
    await compareTableThree(report),
    await compareModels(report),
    await showEscapes(report),
    await showTraining(report),
    await showHeatmaps(report),
    await showCalibration(report),
    await showSweep(report),
    await showLabelStudy(report),
    await showMistakes(report),
    listDetails(report),
  ]
  return sections.filter((section) => section !== undefined)
}
