import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toyReport } from '../../test-support/toy-report.ts'
import { isFigure } from '../section.ts'
import { showHeatmaps } from './show-heatmaps.ts'

const report = toyReport()

/** Figures 9a and 9b; the first layer of every crop is empty in the plain student's views, saturated or not. */
async function draw(saturated: boolean) {
  const heatmaps = report.heatmaps!
  const empty = Buffer.alloc(2500).toString('base64')
  const crops = heatmaps.crops.map(({ views: [first, ...others], ...crop }) => ({
    ...crop,
    views: [
      { ...first!, heat: [empty, ...first!.heat.slice(1)], ...(saturated && { saturated: true as const }) },
      ...others,
    ],
  }))
  const { blocks, title } = (await showHeatmaps({ ...report, heatmaps: { ...heatmaps, crops } }))!
  const lead = blocks.flatMap((block) => (isFigure(block) ? [] : [block.markup])).join(' ')
  return { title, lead, figures: blocks.filter(isFigure) }
}

test('heatmaps of OK crops too are called what they are: what speaks for NG', async () => {
  const { title, lead, figures } = await draw(false)
  assert.equal(title, 'What speaks for NG: figure 9')
  assert.match(lead, /What speaks for NG in a crop, whatever its verdict is .* What speaks for OK is not shown/s)
  assert.deepEqual(
    figures.map((figure) => `${figure.paperNumber} ${figure.title}`),
    ['9a What speaks for NG in NG crops (Grad-CAM)', '9b What speaks for NG in OK crops (Grad-CAM)'],
  )
})

test('map in which nothing speaks for NG says so, and one of a saturated score that', async () => {
  const count = (svg: string, word: string) => svg.split(`>${word}</text>`).length - 1
  for (const { svg } of (await draw(false)).figures)
    assert.deepEqual([count(svg, 'nothing'), count(svg, 'satu-')], [4, 0])
  for (const { svg } of (await draw(true)).figures)
    assert.deepEqual([count(svg, 'nothing'), count(svg, 'satu-')], [0, 4])
  for (const block of (await showHeatmaps(report))!.blocks)
    if (isFigure(block)) assert.deepEqual([count(block.svg, 'nothing'), count(block.svg, 'satu-')], [0, 0])
})
