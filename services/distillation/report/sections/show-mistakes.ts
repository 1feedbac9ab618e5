import type { ExperimentReport } from '../experiment-report.ts'
import { drawMistakes } from '../figures/draw-mistakes.ts'
import { labelOf } from '../find-models.ts'
import { html } from '../html.ts'
import type { Section } from '../section.ts'

/** The worst mistakes on the test part as pictures. */
export async function showMistakes(report: ExperimentReport): Promise<Section> {
  const { worst } = report
  const start = { id: 'mistakes', title: 'The worst mistakes' }
  if (worst.length === 0) {
    const flawless = report.models.every(({ test: { confusion } }) => confusion.okAsNg + confusion.ngAsOk === 0)
    const why = flawless ? 'No model made a mistake on the test part.' : 'The report keeps no pictures of mistakes.'
    return { ...start, blocks: [html`<p>${why}</p>`] }
  }
  const figure = await drawMistakes(
    {
      name: 'worst-mistakes',
      title: `The ${worst.length} worst mistakes on the test part`,
      caption:
        'Crops judged wrong with the most confidence: the label that they carry and their number in the test part, the probability of NG, and the model that gave it.',
    },
    worst,
    (id) => labelOf(report, id),
  )
  return {
    ...start,
    blocks: [
      html`<p class="lead">Some of these may be mistakes of the labels: look before you blame the network.</p>`,
      figure,
    ],
  }
}
