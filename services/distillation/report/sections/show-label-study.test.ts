import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toyReport } from '../../test-support/toy-report.ts'
import type { LabelStudyCase, RepeatedEstimate } from '../experiment-report.ts'
import { type Block, isFigure } from '../section.ts'
import { showLabelStudy } from './show-label-study.ts'

const textOf = (blocks: readonly Block[]) =>
  blocks
    .map((block) => (isFigure(block) ? block.caption : block.markup.replace(/<[^>]*>/g, ' ')))
    .join(' ')
    .replace(/\s+/g, ' ')

const report = toyReport()
const groups = (low: number, high: number) => ({ low, high, by: 'groups' as const })
const one = (
  value: number,
  low: number,
  high: number,
  overImages?: RepeatedEstimate['overImages'],
): RepeatedEstimate => ({
  value,
  low,
  high,
  values: [value],
  ...(overImages && { overImages }),
})

function labelCase(labelShare: number, gain: RepeatedEstimate): LabelStudyCase {
  return {
    labelShare,
    noiseShare: 0,
    seeds: [1],
    plain: one(0.9, 0.88, 0.92, groups(0.87, 0.915)),
    distilled: one(0.93, 0.91, 0.95),
    teachers: one(0.94, 0.92, 0.96),
    teacherNames: ['ResNet-18'],
    gain,
    paired: [{ onlyPlain: 12, onlyDistilled: 30, p: 0.008 }],
  }
}

test('study of labels quotes the wider of two intervals, and calls a gain only what both call one', async () => {
  const labelStudy = [
    labelCase(0.1, one(0.03, 0.01, 0.05, groups(-0.004, 0.06))),
    labelCase(0.25, one(0.03, 0.01, 0.05, groups(0.004, 0.06))),
  ]
  const { blocks } = (await showLabelStudy({ ...report, labelStudy }))!
  const text = textOf(blocks)
  assert.match(text, /one seed, Wilson’s for accuracies and Newcombe’s for gains, and the bootstrap over groups/)
  assert.match(text, /90\.0 87\.0–92\.0/)
  const row = (share: number) =>
    new RegExp(`${share} % kept, 0 % flipped one seed .*?12 / 30 0\\.0080 (zero is within|a gain)`)
  assert.equal(row(10).exec(text)?.[1], 'zero is within')
  assert.equal(row(25).exec(text)?.[1], 'a gain')
  assert.match(text, /\+3\.00 \+1\.00 to \+5\.00 −0\.40 to \+6\.00/)
})

test('study of labels says where its cases have other teachers than the experiment', async () => {
  const gain = one(0.03, 0.01, 0.05)
  const all = { ...labelCase(1, gain), teacherNames: ['VGG-16', 'ResNet-18'] }
  const { blocks } = (await showLabelStudy({ ...report, labelStudy: [all, labelCase(0.1, gain)] }))!
  assert.match(
    textOf(blocks),
    /VGG-16, ResNet-18 with 100 % kept and 0 % flipped; ResNet-18 with 10 % kept and 0 % flipped\. What differs/,
  )
  const same = (await showLabelStudy({ ...report, labelStudy: [labelCase(0.25, gain), labelCase(0.1, gain)] }))!
  assert.doesNotMatch(textOf(same.blocks), /same teachers/)
})

test('study of labels claims no more of its teachers and its intervals than it has', async () => {
  const [single, double] = [
    labelCase(0.1, one(0.03, 0.01, 0.05)),
    labelCase(0.25, one(0.03, 0.01, 0.05, groups(0.004, 0.06))),
  ]
  const text = async (labelStudy: readonly LabelStudyCase[]) =>
    textOf((await showLabelStudy({ ...report, labelStudy }))!.blocks)
  assert.match(await text([single]), /called one only where its interval says so\./)
  assert.match(await text([double]), /called one only where both intervals of the gain say so\./)
  assert.match(await text([single, double]), /only where its interval says, or both where it has two, so\./)
  assert.match(await text([single]), /where labels are wrong they may smooth over them/)
})

test('study of labels draws its intervals, and names means over seeds where there are several', async () => {
  const { blocks } = (await showLabelStudy(report))!
  assert.match(textOf(blocks), /means over up to 3 seeds with t intervals .* 3 seeds/)
  const without = report.labelStudy!.map(({ plain, distilled, teachers, ...rest }) => {
    const point = ({ value, values }: RepeatedEstimate) => ({
      value,
      low: value,
      high: value,
      values: values.slice(0, 1),
    })
    return { ...rest, plain: point(plain), distilled: point(distilled), teachers: point(teachers) }
  })
  const svgOf = (drawn: readonly Block[]) => drawn.find(isFigure)!.svg
  const bare = (await showLabelStudy({ ...report, labelStudy: without }))!
  assert.notEqual(svgOf(bare.blocks), svgOf(blocks))
})
