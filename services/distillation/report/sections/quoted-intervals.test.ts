import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toyReport } from '../../test-support/toy-report.ts'
import type { ExperimentReport, GroupedEstimate, ReportedModel } from '../experiment-report.ts'
import { type Block, isFigure } from '../section.ts'
import { costBlocks } from './compare-costs.ts'
import { compareModels } from './compare-models.ts'
import { compareTableThree } from './compare-table-three.ts'
import { showCalibration } from './show-calibration.ts'
import { showEscapes } from './show-escapes.ts'
import { showTraining } from './show-training.ts'

const textOf = (blocks: readonly Block[]) =>
  blocks
    .map((block) => (isFigure(block) ? `${block.title} ${block.caption}` : block.markup.replace(/<[^>]*>/g, ' ')))
    .join(' ')
    .replace(/\s+/g, ' ')

const recall: GroupedEstimate = { value: 0.98, low: 0.96, high: 0.99, byGroups: { low: 0.91, high: 0.985 } }

function withRecall(estimate: GroupedEstimate): ExperimentReport {
  const report = toyReport()
  const change = (model: ReportedModel): ReportedModel => ({
    ...model,
    test: { ...model.test, recall: estimate },
    files: model.files.map((file) => ({ ...file, test: { ...file.test, recall: estimate } })),
    atTargetRecall: { ...model.atTargetRecall!, recall: estimate },
  })
  return { ...report, models: report.models.map((model) => (model.id === 'distilled' ? change(model) : model)) }
}

test('threshold for a target recall is quoted with the wider of the intervals by images and by groups', async () => {
  const text = textOf((await showCalibration(withRecall(recall))).blocks)
  assert.match(text, /98\.0 91\.0–99\.0/)
  assert.match(text, /from the lower to the higher limit of Wilson’s and the bootstrap over groups/)
  const { byGroups: _, ...single } = recall
  assert.match(textOf((await showCalibration(withRecall(single))).blocks), /98\.0 96\.0–99\.0/)
})

test('overkill is quoted with the wider of the exact interval and that by groups', async () => {
  const report = toyReport()
  const overkillPpm = { value: 20_000, low: 9_000, high: 40_000, byGroups: { low: 5_000, high: 30_000 } }
  const models = report.models.map((model) =>
    model.id === 'distilled'
      ? { ...model, test: { ...model.test, overkillPpm }, atTargetRecall: { ...model.atTargetRecall!, overkillPpm } }
      : model,
  )
  for (const show of [showEscapes, showCalibration]) {
    const text = textOf((await show({ ...report, models })).blocks)
    assert.match(text, /20,000 5,000–40,000/)
    assert.match(text, /exact one and the bootstrap/)
    assert.match(text, /take every image as one of its own/)
  }
})

test('exported files are quoted with the wider of the intervals by images and by groups', () => {
  const textOfFiles = (estimate: GroupedEstimate) => textOf(costBlocks(withRecall(estimate)).slice(-1))
  assert.match(textOfFiles(recall), /98\.0 91\.0–99\.0/)
  const { byGroups: _, ...single } = recall
  assert.match(textOfFiles(single), /98\.0 96\.0–99\.0/)
})

test('figure of table 3 draws the wider of the intervals by images and by groups', async () => {
  const draw = async (estimate: GroupedEstimate) => {
    const { blocks } = await compareTableThree(withRecall(estimate))
    return blocks.find(isFigure)!
  }
  const { byGroups: _, ...single } = recall
  const grouped = await draw(recall)
  assert.match(grouped.caption, /bootstrap over groups of images/)
  assert.equal(grouped.svg, (await draw({ ...single, low: 0.91 })).svg)
  assert.notEqual(grouped.svg, (await draw(single)).svg)
})

test('paired comparisons of repeated students are said to be those of the first seed', async () => {
  const { seeds: _, ...once } = toyReport()
  const note = /these are the first seed’s/
  assert.match(textOf((await compareModels(toyReport())).blocks), note)
  assert.doesNotMatch(textOf((await compareModels(once)).blocks), note)
})

test('captions say of how many images the paper’s intervals are, and which step’s rate is drawn', async () => {
  const { caption } = (await compareTableThree(toyReport())).blocks.find(isFigure)!
  assert.match(caption, /about 300 NG test images for recall, and of as many as it calls NG for precision/)
  assert.doesNotMatch(caption, /600/)
  for (const figure of (await showTraining(toyReport())).blocks.filter(isFigure))
    assert.match(figure.caption, /learning rate is that of each epoch’s last step/)
})

test('figure 6 is called by the schedule that the experiment had', async () => {
  const report = toyReport()
  const schedules = { own: 'distilled', ownName: 'constant rate', plateau: 'plateau' }
  const text = textOf((await showTraining({ ...report, schedules })).blocks)
  assert.match(text, /Constant rate beside reduce-on-plateau/)
  assert.doesNotMatch(text, /osine/)
})
