import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toyReport } from '../../test-support/toy-report.ts'
import type { SweepPoint } from '../experiment-report.ts'
import { drawSweep } from '../figures/draw-sweep.ts'
import { isFigure } from '../section.ts'
import { showSweep } from './show-sweep.ts'

const report = toyReport()
const points = (accuracies: readonly number[]): SweepPoint[] =>
  accuracies.map((valAccuracy, i) => ({
    temperature: [1, 4][i % 2]!,
    lambda: [0.3, 0.7, 0.9][i >> 1]!,
    temperatureSquared: false,
    epochs: 6,
    valLoss: 0.1,
    valAccuracy,
    valAuc: 0.99,
  }))

async function show(sweep: readonly SweepPoint[], settings = report.settings) {
  const { blocks } = (await showSweep({ ...report, sweep, settings }))!
  const figure = blocks.find(isFigure)!
  const text = blocks.flatMap((block) => (isFigure(block) ? [] : [block.markup.replace(/<[^>]*>/g, ' ')])).join(' ')
  return { caption: figure.caption, text: text.replace(/\s+/g, ' ') }
}

test('sweep names every setting of the highest accuracy, and what is chance', async () => {
  const tied = await show(points([0.95, 0.96, 0.96, 0.94, 0.9, 0.95]))
  assert.match(
    tied.text,
    /2 of 6 settings share the highest accuracy, 96\.00 % \(T = 4, λ = 0\.3, KL without T²; T = 1, λ = 0\.7, KL without T²\), on validation/,
  )
  // Of 1,200 images: Wilson's limits of 96 % are 94.74 and 96.97 %.
  assert.match(
    tied.text,
    /With 1,200 images Wilson’s 95 % interval is ±1\.1 points.*so 2 of the 4 lower ones lie within/,
  )
  assert.match(
    tied.text,
    /trained once, for 6 epochs \(the distilled student for 100\), of which the one that is best on this same validation part was kept/,
  )
  assert.match(tied.caption, /1,200 images .* 2\.2 points.* The frame marks a setting, .* not said to be the best/)
  const single = await show(points([0.95, 0.96, 0.955, 0.94, 0.9, 0.95]), {})
  assert.match(single.text, /Of 6 settings T = 4, λ = 0\.3, KL without T² has the highest accuracy, 96\.00 %, on/)
  assert.doesNotMatch(single.caption, /frame/)
})

test('colours of the sweep do not make a slope of what the images do not tell apart', async () => {
  const fills = async (accuracies: readonly number[]) => {
    const { svg } = await drawSweep({ name: 'sweep', title: 't', caption: 'c' }, points(accuracies), 0.02, undefined)
    const colours = [...svg.matchAll(/fill="rgb\((\d+), (\d+), (\d+)\)"/g)]
    return colours.map((match) => match.slice(1).map(Number) as [number, number, number])
  }
  const farthest = (colours: readonly (readonly [number, number, number])[]) =>
    Math.max(...colours.flatMap((a) => colours.map((b) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]))))
  const [noise, slope] = [
    await fills([0.96, 0.961, 0.959, 0.96, 0.9605, 0.9595]),
    await fills([0.96, 0.98, 0.93, 0.95, 0.97, 0.94]),
  ]
  assert.deepEqual([noise.length, slope.length], [6, 6])
  assert.ok(farthest(noise) < 40, `${farthest(noise)}`)
  assert.ok(farthest(slope) > 200, `${farthest(slope)}`)
})
