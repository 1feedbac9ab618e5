// Copies a report's numbers and plots, but none of its images, into the documentation:
// node_modules/.bin/node scripts/publish-results.ts --experiment DIR --to docs/results/NAME
import { copyFile, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { ExperimentReport } from '../services/distillation/report/experiment-report.ts'
import { PelletlineError } from '../services/shared/errors/pelletline-error.ts'
import { writeFileAtomically } from '../services/shared/files/write-file-atomically.ts'

const { values } = parseArgs({ options: { experiment: { type: 'string' }, to: { type: 'string' } } })
const { experiment, to } = values
if (experiment === undefined || to === undefined) {
  throw new PelletlineError('invalid_argument', 'give --experiment DIR, which holds report/, and --to DIR')
}

const report = JSON.parse(await readFile(join(experiment, 'report', 'report.json'), 'utf8')) as ExperimentReport
const { heatmaps: _, worst, ...numbers } = report
const published = { ...numbers, worst: worst.map(({ pixels: _pixels, ...mistake }) => mistake) }
await mkdir(join(to, 'figures'), { recursive: true })
await writeFileAtomically(join(to, 'report.json'), [`${JSON.stringify(published, undefined, 1)}\n`])

for (const old of await readdir(join(to, 'figures'))) await rm(join(to, 'figures', old))
const figures = join(experiment, 'report', 'figures')
for (const name of await readdir(figures)) {
  // A plot is drawn; what embeds a picture shows crops.
  if (!(await readFile(join(figures, name), 'utf8')).includes('data:image')) {
    await copyFile(join(figures, name), join(to, 'figures', name))
  }
}
