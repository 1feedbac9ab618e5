import type { ExperimentReport } from '../experiment-report.ts'
import { drawMistakes } from '../figures/draw-mistakes.ts'
import { labelOf } from '../find-models.ts'
import { html } from '../html.ts'
import type { Section } from '../section.ts'

/** The worst mistakes on the test part as pictures. */
export async function showMistakes(report: ExperimentReport): Promise<Section> {
  const { worst } = report
  const start = { id: 'mistakes', title: 'The worst mistakes' }
  if (worst.length === 0) return { ...start, blocks: [html`<p>No mistake was made on the test part.</p>`] }
  const figure = await drawMistakes(
    {
      name: 'worst-mistakes',
      title: `The ${worst.length} worst mistakes on the test part`,
      caption:
        'Crops judged wrong with the most confidence: the label that they carry, the probability of NG that the model gave, and which model.',
    },
    worst,
    (id) => labelOf(report, id),
  )
  return {
    ...start,
    blocks: [html`<p>Some of these may be mistakes of the labels: look before you blame the network.</p>`, figure],
    newPage: true,
  }
}
